//! Messages of the library in the words of the window.

/// What the command line would say, for someone in front of a window.
pub fn in_window(why: &str) -> String {
    why.replace("give a calibration (--calibration FILE)", "give them in the settings, under Layer's inputs")
}
