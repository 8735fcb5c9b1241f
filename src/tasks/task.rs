//! The traits of background work: [`Task`] (computed in one go) and [`Actor`] (a step machine with commands).

use super::Queue;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Work computed in one go. The struct holds all it needs.
pub trait Task: Serialize + DeserializeOwned + Send + 'static {
    /// Unique among tasks and actors; a Worker finds the code by it.
    const NAME: &'static str;
    /// Queue it runs on.
    const QUEUE: Queue;
    /// Type of its progress messages.
    type Progress: Serialize + DeserializeOwned + Send + 'static;
    /// Type of its result.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Computes the result. `progress` reports, and returns whether the result is still wanted.
    fn run(self, progress: &(dyn Fn(Self::Progress) -> bool + Sync)) -> Self::Output;
}

/// A [`Task`] without progress.
pub trait SilentTask: Serialize + DeserializeOwned + Send + 'static {
    /// Name, as for [`Task::NAME`].
    const NAME: &'static str;
    /// Queue, as for [`Task::QUEUE`].
    const QUEUE: Queue;
    /// Type of its result.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Computes the result, without progress.
    fn make(self) -> Self::Output;
}

impl<T: SilentTask> Task for T {
    const NAME: &'static str = T::NAME;
    const QUEUE: Queue = T::QUEUE;
    type Progress = ();
    type Output = T::Output;

    fn run(self, _: &(dyn Fn(()) -> bool + Sync)) -> T::Output {
        self.make()
    }
}

/// A step machine: it runs step by step, and takes commands between the steps.
pub trait Actor: Serialize + DeserializeOwned + Send + 'static {
    /// Unique among tasks and actors; a Worker finds the code by it.
    const NAME: &'static str;
    /// Queue it runs on.
    const QUEUE: Queue;
    /// Messages to the running actor.
    type Command: Serialize + DeserializeOwned + Send + 'static;
    /// Messages from the running actor.
    type Event: Serialize + DeserializeOwned + Send + 'static;
    /// State of the running actor; it never leaves its thread.
    type State: 'static;

    /// Sets up the state, on the actor's thread.
    fn begin(self) -> Self::State;

    /// Handles a command, between two steps.
    fn command(state: &mut Self::State, command: Self::Command);

    /// Runs the next step, emits its events, and returns when to run the one after it.
    fn step(state: &mut Self::State, emit: &mut dyn FnMut(Self::Event)) -> Flow;

    /// Event that reports a crash: a panic, or a lost Worker.
    fn crashed() -> Self::Event;
}

/// Time at which an actor's next step is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next step is due at once.
    Continue,
    /// The next step is due when an external event that it waits for has arrived, reported by [`wake`](super::wake). On
    /// a thread, where a step can block, the same as [`Flow::Continue`].
    Pending,
    /// The next step waits for a command.
    Idle,
    /// The actor is done; there is no next step.
    Done,
}

/// A message from a running task.
pub enum Message<T: Task> {
    /// Progress on the way.
    Progress(T::Progress),
    /// The result; the last message.
    Done(T::Output),
    /// The task crashed: a panic, or a lost Worker. The last message.
    Crashed,
}
