//! The desktop: each task and each process on a thread of its own.

use super::{Actor, Flow, Message, Task};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, TryRecvError, channel};

/// A task under way. Dropping it tells the task that nobody waits any more.
pub struct TaskHandle {
    cancelled: Arc<AtomicBool>,
}

impl TaskHandle {
    /// The task is wanted, whoever waits.
    pub fn keep(mut self) {
        // What is dropped now says it to nobody.
        self.cancelled = Arc::default();
    }
}

impl Drop for TaskHandle {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

/// Starts a task. `on` is called on its thread.
pub fn spawn<T: Task>(task: T, mut on: impl FnMut(Message<T>) + Send + 'static) -> TaskHandle {
    let cancelled = Arc::new(AtomicBool::new(false));
    let seen = cancelled.clone();
    std::thread::spawn(move || {
        let on = std::sync::Mutex::new(&mut on);
        let send = |message| on.lock().unwrap_or_else(|poisoned| poisoned.into_inner())(message);
        let tell = |news| {
            send(Message::Progress(news));
            !seen.load(Ordering::Relaxed)
        };
        let done = catch_unwind(AssertUnwindSafe(|| task.run(&tell)));
        send(done.map_or(Message::Broken, Message::Done));
    });
    TaskHandle { cancelled }
}

/// A process under way. Dropping it ends the process after the step in work.
pub struct ActorHandle<P: Actor> {
    commands: Sender<P::Command>,
}

impl<P: Actor> ActorHandle<P> {
    /// Is taken before the next step.
    pub fn send(&self, command: P::Command) {
        // A process that is over no longer listens, and has nothing left to be told.
        let _ = self.commands.send(command);
    }

    /// Ends it in the middle of a step; whether that can be done. A thread cannot be ended from outside.
    pub fn end_now(&self) -> bool {
        false
    }
}

/// Starts a process. `on` is called on its thread.
pub fn spawn_actor<P: Actor>(process: P, mut on: impl FnMut(P::Event) + Send + 'static) -> ActorHandle<P> {
    let (commands, received) = channel();
    std::thread::spawn(move || {
        let all = AssertUnwindSafe(|| {
            let mut state = process.begin();
            let mut flow = Flow::On;
            while flow != Flow::Over {
                if flow == Flow::Wait {
                    let Ok(command) = received.recv() else { return };
                    P::command(&mut state, command);
                }
                loop {
                    match received.try_recv() {
                        Ok(command) => P::command(&mut state, command),
                        Err(TryRecvError::Empty) => break,
                        Err(TryRecvError::Disconnected) => return,
                    }
                }
                flow = P::step(&mut state, &mut on);
            }
        });
        if catch_unwind(all).is_err() {
            on(P::broken());
        }
    });
    ActorHandle { commands }
}

/// See [`Flow::Later`]: here nobody sleeps.
pub fn wake() {}

/// Giving back the memory of large matrices takes longer than a frame may.
pub fn drop_later(value: impl Send + 'static) {
    std::thread::spawn(move || drop(value));
}

/// What the person should know of the Workers; threads do not get lost.
pub fn notices() -> Vec<String> {
    Vec::new()
}

/// Why runs work on the processor, where one would expect more.
pub fn why_no_gpu() -> Option<&'static str> {
    None
}

/// How many tasks of [`super::Queue::Comparing`] can go on at once.
pub fn parallel_tasks() -> usize {
    processors()
}

/// How many threads a run may have.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}
