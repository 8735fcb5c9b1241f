//! Everything that panels ask for.

use super::action::Action;
use super::export::{ExportKind, ExportRequest};
use super::factors_at::FactorsAt;
use super::inputs::InputsRole;
use super::language_command::LanguageCommand;
use super::link::Link;
use super::pane::Pane;
use super::series::Quantity;
use super::speed_request::SpeedRequest;
use super::vision_command::VisionCommand;
use crate::compare::Figure;
use crate::factorize::{Setting, Settings};
use crate::job::Backend;
use crate::matrix::Factor;
use crate::methods::Method;
use crate::model::{Orientation, Source};

/// Command that a panel asks for. Places of runs are those in the list of runs.
pub enum Command {
    /// Do this, if it can be done now.
    Act(Action),
    /// Do this, or say why it cannot be done now.
    Try(Action),
    /// Show a panel that may be behind another, and give it the keyboard.
    GoToPanel(Pane),
    /// Show the settings, and give the keyboard to the control of this one.
    FocusSetting(Setting),

    /// Open a file, a folder or an address.
    Open(Source),
    /// Follows a link that somebody has sent.
    Follow(Box<Link>),
    /// Choose a file to open, with the system's dialog.
    BrowseFile,
    /// Choose a folder to open, with the system's dialog.
    BrowseFolder,
    /// Open a layer of the checkpoint, by its tensor's name.
    OpenLayer(String, Orientation),
    /// Open factors of the checkpoint, by the name that they are of.
    OpenFactors(String),
    /// Read the checkpoint's matrices as stored this way.
    SetOrientation(Orientation),
    /// Read statistics of the layer's inputs.
    ReadInputs(Source, InputsRole),
    /// Choose their file with the system's dialog.
    BrowseInputs(InputsRole),
    /// Remove these input statistics.
    RemoveInputs(InputsRole),
    /// Measure the norms of the checkpoint's layers.
    MeasureNorms,
    /// Stop measuring the layers' norms.
    StopNorms,

    /// Take these settings for the next run.
    SetSettings(Box<Settings>),
    /// Search for the best split of the nonzeros.
    FindSplit,
    /// Give that search up.
    CancelSplit,
    /// Compute runs on this.
    SetBackend(Backend),
    /// Look for a graphics adapter.
    FindAdapter,
    /// Colours to the magnitude that this share of the nonzeros does not exceed.
    SetColorRange(f64),
    /// Show the curves of this quantity.
    SetQuantity(Quantity),

    /// Show the run at this place.
    SelectRun(usize),
    /// Delete the run at this index.
    DeleteRun(usize),
    /// Mark it, or no longer.
    StarRun(usize),
    /// Give it a name.
    RenameRun(usize, String),
    /// Take its settings for the next run.
    TakeSettings(usize),
    /// Go back to this half-step of the run on screen.
    GoTo(usize),

    /// Compute the error of SVD on a large layer.
    ComputeSvd,
    /// Compare the masks of one factor; asked for in every frame in which they are seen.
    CompareMasks(FactorsAt, FactorsAt, Factor),
    /// Measure the layer on screen; asked for in every frame in which its speed is seen.
    MeasureSpeed(SpeedRequest),
    /// A command about the comparison of methods.
    Compare(CompareCommand),
    /// A command about the sweeps.
    Sweep(SweepCommand),
    /// A command about the language model.
    Language(LanguageCommand),
    /// A command about the vision model.
    Vision(VisionCommand),

    /// Open the dialog for an export, of this or of what was exported last.
    Export(Option<ExportKind>),
    /// Choose where to write, with the system's dialog, from this file name on.
    BrowseTarget(String),
    /// Write a file, as the export dialog asks.
    Write(ExportRequest),
    /// Copy a link to the clipboard.
    CopyLink(String),
    /// Go to this card of the tour, from 1; beyond the last the tour is over.
    GoToCard(usize),
}

/// A command about the comparison of methods.
pub enum CompareCommand {
    /// Compare what is ticked.
    Start,
    /// End what goes on.
    CancelAll,
    /// Cancel the task of this method.
    Cancel(Method),
    /// Do it once more.
    Again(Method),
    /// Show the pictures of this method's result.
    Show(Method),
    /// Show its mask beside another one's.
    Masks(Method),
}

/// A command about the sweeps.
pub enum SweepCommand {
    /// Show the sweep of this figure.
    Show(Figure),
    /// Measure the figure on screen anew.
    Start,
    /// Pause the sweep on screen.
    Pause,
    /// Measure what is missing.
    Resume,
}
