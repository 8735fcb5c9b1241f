//! A folder with one subfolder a class.

use super::super::{Error, Preprocess};
use super::{Portion, decode};
use crate::compute::{chunks_of, prelude::*};
use crate::model::one_line;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Endings of images, of kinds that are not read too: those are counted as skipped.
const ENDINGS: [&str; 17] = [
    "png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "tif", "tiff", "ppm", "pgm", "avif", "heic",
    "jp2", "jxl",
];

/// How many folders deep the images of a class may lie: a link may lead to a folder that it is in.
const DEPTH: usize = 8;

/// The images of a folder.
pub(super) struct ImageFolder {
    images: Vec<ImageFile>,
    /// Names of the subfolders, in order.
    pub(super) classes: Vec<String>,
    /// Rows and columns of every image.
    pub(super) size: (usize, usize),
    preprocess: Preprocess,
}

struct ImageFile {
    path: PathBuf,
    /// Path from the folder on, on one line.
    name: String,
    label: usize,
}

impl ImageFolder {
    /// Lists the images: classes by name, in each the files by name and after them those of further folders.
    pub(super) fn open(folder: &Path, preprocess: &Preprocess) -> Result<Self, Error> {
        let shown = || one_line(&folder.display().to_string());
        let (folders, files) = entries(folder)?;
        let mut images = Vec::new();
        for (label, class) in folders.iter().enumerate() {
            list(class, &name_of(class), label, DEPTH, &mut images)?;
        }
        if images.is_empty() {
            return Err(match files.iter().any(|file| is_image(file)) {
                true => Error::NoClasses { folder: shown() },
                false => Error::EmptyFolder { folder: shown() },
            });
        }
        let size = match preprocess.fixed_size() {
            Some(size) => size,
            None => one_size(&images, preprocess)?,
        };
        let classes = folders.iter().map(|class| name_of(class)).collect();
        Ok(Self { images, classes, size, preprocess: preprocess.clone() })
    }

    /// Number of images, broken ones among them.
    pub(super) fn len(&self) -> usize {
        self.images.len()
    }

    /// Adds the images of a range, on all threads and in order.
    pub(super) fn read(&self, range: Range<usize>, portion: &mut Portion) {
        let images = &self.images[range];
        let decoded: Vec<Option<Vec<u8>>> =
            chunks_of(images, 1).map(|image| decode::picture(&image[0].path, &self.preprocess, self.size)).collect();
        for (image, pixels) in images.iter().zip(decoded) {
            match pixels {
                Some(pixels) => {
                    portion.pictures.pixels.extend_from_slice(&pixels);
                    portion.pictures.labels.push(image.label);
                }
                None => portion.skipped.push(image.name.clone()),
            }
        }
    }
}

/// The size that all images come to, as far as they can be read.
fn one_size(images: &[ImageFile], preprocess: &Preprocess) -> Result<(usize, usize), Error> {
    let size = |image: &[ImageFile]| {
        let (height, width) = decode::size(&image[0].path)?;
        Some(preprocess.output_size(height, width))
    };
    let sizes: Vec<Option<(usize, usize)>> = chunks_of(images, 1).map(size).collect();
    let mut known = images.iter().zip(&sizes).filter_map(|(image, &size)| Some((image, size?)));
    let (first, size) = known.next().ok_or(Error::NoneReadable { images: images.len() })?;
    match known.find(|(_, other)| *other != size) {
        None => Ok(size),
        Some((other, other_size)) => {
            Err(Error::Sizes { first: first.name.clone(), first_size: size, other: other.name.clone(), other_size })
        }
    }
}

/// Adds the images in a folder of a class.
fn list(folder: &Path, name: &str, label: usize, depth: usize, images: &mut Vec<ImageFile>) -> Result<(), Error> {
    let (folders, files) = entries(folder)?;
    let inside = |path: &Path| format!("{name}/{}", name_of(path));
    images.extend(files.into_iter().filter(|path| is_image(path)).map(|path| ImageFile {
        name: inside(&path),
        path,
        label,
    }));
    if depth > 0 {
        folders.iter().try_for_each(|folder| list(folder, &inside(folder), label, depth - 1, images))?;
    }
    Ok(())
}

/// Folders and other entries of a folder by name, without hidden ones.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Error> {
    let unreadable = |error: std::io::Error| Error::Unreadable {
        file: one_line(&folder.display().to_string()),
        reason: error.to_string(),
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths.into_iter().partition(|path| path.is_dir()))
}

/// The files of CIFAR-10 in a folder, by name.
pub(super) fn binaries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let (_, mut files) = entries(folder)?;
    files.retain(|path| ending(path) == "bin");
    Ok(files)
}

fn is_image(path: &Path) -> bool {
    ENDINGS.contains(&&*ending(path))
}

fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// A path's last component, on one line.
pub(super) fn name_of(path: &Path) -> String {
    one_line(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())
}
