//! What can be done elsewhere.

use super::Queue;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Something that is worked out in one go.
pub trait Task: Serialize + DeserializeOwned + Send + 'static {
    /// Unlike that of any other task or process.
    const NAME: &'static str;
    /// Where it is done.
    const QUEUE: Queue;
    /// What it tells on the way.
    type Progress: Serialize + DeserializeOwned + Send + 'static;
    /// What it makes.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Does it. `progress` answers whether it is still wanted.
    fn run(self, progress: &(dyn Fn(Self::Progress) -> bool + Sync)) -> Self::Output;
}

/// A [`Task`] that tells nothing on the way.
pub trait SilentTask: Serialize + DeserializeOwned + Send + 'static {
    /// As a task's.
    const NAME: &'static str;
    /// As a task's.
    const QUEUE: Queue;
    /// What it makes.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Does it.
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

/// Something that goes on step by step, and listens between the steps.
pub trait Actor: Serialize + DeserializeOwned + Send + 'static {
    /// Unlike that of any other task or process.
    const NAME: &'static str;
    /// Where it is done.
    const QUEUE: Queue;
    /// What it can be told.
    type Command: Serialize + DeserializeOwned + Send + 'static;
    /// What it tells.
    type Event: Serialize + DeserializeOwned + Send + 'static;
    /// It, under way.
    type State: 'static;

    /// Makes everything ready.
    fn begin(self) -> Self::State;

    /// Takes a command.
    fn command(state: &mut Self::State, command: Self::Command);

    /// Does the next step.
    fn step(state: &mut Self::State, emit: &mut dyn FnMut(Self::Event)) -> Flow;

    /// What is told when it breaks off by a bug, or its Worker is lost.
    fn broken() -> Self::Event;
}

/// How a process goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// With the next step.
    On,
    /// With the next step, which has nothing to do before something from outside is there: whoever brings it calls
    /// [`wake`](super::wake). On a thread, where one can wait, the same as [`Flow::On`].
    Later,
    /// With the next command.
    Wait,
    /// Not at all.
    Over,
}

/// What comes back from a task.
pub enum Message<T: Task> {
    /// On the way.
    Progress(T::Progress),
    /// In the end.
    Done(T::Output),
    /// It broke off by a bug, or its Worker was lost.
    Broken,
}
