//! The implementation on the desktop: each task and each actor has a thread.

use super::{Actor, Flow, Message, Task};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, TryRecvError, channel};

/// Handle of a running task. Dropping it cancels the task.
pub struct TaskHandle {
    cancelled: Arc<AtomicBool>,
}

impl TaskHandle {
    /// Lets the task run to its end without a handle.
    pub fn detach(mut self) {
        // The drop that follows sets a flag that nobody reads.
        self.cancelled = Arc::default();
    }
}

impl Drop for TaskHandle {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

/// Starts a task. `on_event` is called with its messages on the task's thread.
pub fn spawn<T: Task>(task: T, mut on_event: impl FnMut(Message<T>) + Send + 'static) -> TaskHandle {
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = cancelled.clone();
    std::thread::spawn(move || {
        let on_event = std::sync::Mutex::new(&mut on_event);
        let send = |message| on_event.lock().unwrap_or_else(|poisoned| poisoned.into_inner())(message);
        let progress = |event| {
            send(Message::Progress(event));
            !flag.load(Ordering::Relaxed)
        };
        let done = catch_unwind(AssertUnwindSafe(|| task.run(&progress)));
        send(done.map_or(Message::Crashed, Message::Done));
    });
    TaskHandle { cancelled }
}

/// Handle of a running actor. Dropping it stops the actor after the current step.
pub struct ActorHandle<A: Actor> {
    commands: Sender<A::Command>,
}

impl<A: Actor> ActorHandle<A> {
    /// Sends a command, handled before the next step.
    pub fn send(&self, command: A::Command) {
        // An actor that is done has no use for commands.
        let _ = self.commands.send(command);
    }

    /// Stops the actor in the middle of a step; returns whether that is possible here. A thread cannot be stopped from
    /// outside.
    pub fn terminate(&self) -> bool {
        false
    }
}

/// Starts an actor. `on_event` is called with its events on the actor's thread.
pub fn spawn_actor<A: Actor>(actor: A, mut on_event: impl FnMut(A::Event) + Send + 'static) -> ActorHandle<A> {
    let (commands, received) = channel();
    std::thread::spawn(move || {
        let run = AssertUnwindSafe(|| {
            let mut state = actor.begin();
            let mut flow = Flow::Continue;
            while flow != Flow::Done {
                if flow == Flow::Idle {
                    let Ok(command) = received.recv() else { return };
                    A::command(&mut state, command);
                }
                loop {
                    match received.try_recv() {
                        Ok(command) => A::command(&mut state, command),
                        Err(TryRecvError::Empty) => break,
                        Err(TryRecvError::Disconnected) => return,
                    }
                }
                flow = A::step(&mut state, &mut on_event);
            }
        });
        if catch_unwind(run).is_err() {
            on_event(A::crashed());
        }
    });
    ActorHandle { commands }
}

/// See [`Flow::Pending`]; a thread blocks instead, so nothing has to be woken.
pub fn wake() {}

/// Drops the value on a thread: freeing large matrices takes longer than a frame.
pub fn drop_in_background(value: impl Send + 'static) {
    std::thread::spawn(move || drop(value));
}

/// Messages for the person about Workers that failed; threads have none.
pub fn notices() -> Vec<String> {
    Vec::new()
}

/// Why runs use the processor when a GPU could be expected; `None` on the desktop.
pub fn why_no_gpu() -> Option<&'static str> {
    None
}

/// Largest number of [`super::Queue::Comparing`] tasks that run at once.
pub fn parallel_tasks() -> usize {
    processors()
}

/// Threads a run may use.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}
