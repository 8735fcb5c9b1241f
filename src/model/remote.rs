//! Files that a page reads in parts: chosen by a person, or behind an address. Only in a Worker, where reading may
//! block.

use super::names::one_line;
use super::{Error, FetchError};
use crate::tasks::{JsHandle, with_js_handle};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use wasm_bindgen::{JsCast, JsValue};

/// Largest file in bytes: a page's memory, and all its sizes, end there.
const MAX_BYTES: f64 = u32::MAX as f64;

/// A file that was chosen or dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChosenFile {
    /// File name, without a folder.
    pub name: String,
    /// Length of the file, in bytes.
    pub bytes: f64,
    /// The browser's handle of the file.
    pub handle: JsHandle,
}

impl ChosenFile {
    /// Wraps the browser's `File`.
    pub fn new(file: &web_sys::File) -> Self {
        Self { name: file.name(), bytes: file.size(), handle: JsHandle::new(file.clone().into()) }
    }
}

/// A file that is read in parts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum RemoteFile {
    /// A file chosen by a person.
    File(ChosenFile),
    /// A file behind an address whose host supports requests for ranges.
    Url {
        /// Address of the file.
        url: String,
        /// Length of the file, in bytes.
        bytes: f64,
    },
    /// A file fetched as a whole, from a host that does not.
    Whole {
        /// Address of the file.
        url: String,
        /// Contents of the whole file.
        #[serde(with = "crate::tasks::raw")]
        content: Vec<u8>,
    },
}

impl RemoteFile {
    /// The file behind an address.
    pub fn at(url: &str) -> Result<Self, Error> {
        let base = js_sys::Reflect::get(&js_sys::global(), &"location".into())
            .map(|location| String::from(&js_sys::Object::from(location).to_string()));
        let parsed = web_sys::Url::new_with_base(url, &base.unwrap_or_default())
            .map_err(|_| unreadable(url, FetchError::NoAddress))?;
        if !matches!(parsed.protocol().as_str(), "http:" | "https:") || !parsed.username().is_empty() {
            return Err(unreadable(url, FetchError::Protocol));
        }
        let answer = request(url, Some(0..1)).map_err(|why| unreadable(url, why))?;
        let url = url.to_owned();
        match answer.all {
            Some(bytes) => Self::Url { url, bytes }.checked(),
            None => Ok(Self::Whole { url, content: answer.content }),
        }
    }

    /// Refuses a file too long for this machine's sizes.
    pub fn checked(self) -> Result<Self, Error> {
        match &self {
            Self::File(ChosenFile { bytes, .. }) | Self::Url { bytes, .. } if *bytes > MAX_BYTES => {
                Err(unreadable(&self.name(), FetchError::TooLong))
            }
            _ => Ok(self),
        }
    }

    /// File name, without a folder.
    pub fn name(&self) -> String {
        match self {
            Self::File(file) => file.name.clone(),
            Self::Url { url, .. } | Self::Whole { url, .. } => Self::name_of(url),
        }
    }

    /// The part of an address after its last slash.
    pub fn name_of(url: &str) -> String {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        path.rsplit('/').next().unwrap_or(path).to_owned()
    }

    /// Length in bytes, clipped to the largest size of this machine.
    pub fn len(&self) -> usize {
        match self {
            Self::File(ChosenFile { bytes, .. }) | Self::Url { bytes, .. } => *bytes as usize,
            Self::Whole { content, .. } => content.len(),
        }
    }

    /// Reads the whole file.
    pub fn read_all(&self) -> Result<Vec<u8>, Error> {
        self.read(0..self.len())
    }

    /// Reads a range of bytes.
    pub fn read(&self, range: Range<usize>) -> Result<Vec<u8>, Error> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = range.len();
        let bytes = match self {
            Self::File(file) => with_js_handle(&file.handle, |handle| read_slice(handle, range)),
            Self::Url { url, .. } => request(url, Some(range)).map(|answer| answer.content),
            Self::Whole { content, .. } => Ok(content[range].to_vec()),
        };
        match bytes {
            Ok(bytes) if bytes.len() == wanted => Ok(bytes),
            Ok(bytes) => Err(unreadable(&self.name(), FetchError::Length { found: bytes.len(), wanted })),
            Err(why) => Err(unreadable(&self.name(), why)),
        }
    }
}

fn unreadable(name: &str, source: FetchError) -> Error {
    Error::Fetch { path: one_line(name), source }
}

fn js_error(value: JsValue) -> FetchError {
    let error = value.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    let said = error.or_else(|| value.as_string()).unwrap_or_else(|| "the browser does not say why".into());
    FetchError::Browser { said: one_line(&said) }
}

fn read_slice(handle: Option<&JsValue>, range: Range<usize>) -> Result<Vec<u8>, FetchError> {
    let file: &web_sys::File = handle.and_then(JsCast::dyn_ref).ok_or(FetchError::Gone)?;
    let part = file.slice_with_f64_and_f64(range.start as f64, range.end as f64).map_err(js_error)?;
    let reader = web_sys::FileReaderSync::new().map_err(js_error)?;
    Ok(js_sys::Uint8Array::new(&reader.read_as_array_buffer(&part).map_err(js_error)?.into()).to_vec())
}

struct Response {
    content: Vec<u8>,
    /// Length of the whole file, if only a part came.
    all: Option<f64>,
}

/// Requests an address, or a range of it; blocks.
fn request(url: &str, range: Option<Range<usize>>) -> Result<Response, FetchError> {
    let request = web_sys::XmlHttpRequest::new().map_err(js_error)?;
    request.open_with_async("GET", url, false).map_err(js_error)?;
    request.set_response_type(web_sys::XmlHttpRequestResponseType::Arraybuffer);
    if let Some(range) = range {
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        request.set_request_header("Range", &bytes).map_err(js_error)?;
    }
    request.send().map_err(|_| FetchError::Unreachable)?;
    let status = request.status().map_err(js_error)?;
    if !matches!(status, 200 | 206) {
        return Err(FetchError::Status { status });
    }
    let content = js_sys::Uint8Array::new(&request.response().map_err(js_error)?).to_vec();
    let range = request.get_response_header("Content-Range").ok().flatten();
    let all = range.and_then(|range| range.rsplit('/').next()?.parse().ok()).filter(|_| status == 206);
    if status == 206 && all.is_none() {
        // A host of another origin must allow this header to be read.
        return Err(FetchError::NoLength);
    }
    Ok(Response { content, all })
}
