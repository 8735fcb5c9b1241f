//! Why a page cannot read a file that was chosen, or that is behind an address.

use crate::hint::{Explain, Hint};

/// Why no bytes come from a browser or a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It is no URL.
    #[error("it is no address")]
    NoAddress,
    /// Another protocol than http and https, or an address with a name and password.
    #[error("only plain http and https addresses are read, without a name and password")]
    Protocol,
    /// Longer than a page can count.
    #[error("a page can read files of up to 4 GB")]
    TooLong,
    /// The browser's handle of a chosen file is gone.
    #[error("the page no longer has it")]
    Gone,
    /// No answer, or one that this page may not see.
    #[error("the host cannot be reached, or does not let other pages read it (CORS)")]
    Unreachable,
    /// Another status than 200 and 206.
    #[error("the host answers {status}")]
    Status {
        /// Status of the HTTP response.
        status: u16,
    },
    /// A part of a file, without a header that says how long the whole is.
    #[error("the host does not say how long the file is (Content-Range)")]
    NoLength,
    /// More or fewer bytes than were asked for.
    #[error("{found} bytes came in place of {wanted}")]
    Length {
        /// Number of bytes that arrived.
        found: usize,
        /// Bytes that were asked for.
        wanted: usize,
    },
    /// Any other failure of the browser.
    #[error("{said}")]
    Browser {
        /// In the browser's words.
        said: String,
    },
}

impl Explain for FetchError {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::NoAddress | Self::Protocol => Hint::say("check the address"),
            Self::TooLong => Hint::say("use the desktop program"),
            Self::Gone => Hint::say("choose it again"),
            Self::Unreachable | Self::Status { .. } => {
                Hint::say("check the address, or download the file and open that")
            }
            Self::NoLength | Self::Length { .. } => Hint::say("download the file and open that"),
            Self::Browser { .. } => return None,
        })
    }
}
