//! Images of any source, read in portions.

use super::super::{Error, Pictures};
use super::cifar::{self, CifarFile};
#[cfg(not(target_arch = "wasm32"))]
use super::folder::ImageFolder;
use super::npy::NpyFile;
use super::portion::Portion;
use crate::glyphs;
use crate::model::Bytes;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
#[cfg(not(target_arch = "wasm32"))]
use {super::super::Preprocess, std::path::Path};

/// Images of one size, read in portions.
#[derive(Clone)]
pub struct ImageSet {
    source: Arc<Source>,
    /// Number of images that are read: all, or the first so many.
    len: usize,
    /// Names of the classes, by label.
    classes: Vec<String>,
    /// Label of each class of the source, where it is another than its place.
    labels: Option<Vec<usize>>,
}

enum Source {
    /// In memory.
    Pictures(Pictures),
    /// Pictures of this seed, drawn when they are read.
    Glyphs(u64),
    /// CIFAR-10's files, one after the other.
    Cifar(Vec<CifarFile>),
    Npy(NpyFile),
    #[cfg(not(target_arch = "wasm32"))]
    Folder(ImageFolder),
}

impl ImageSet {
    /// Opens a CIFAR-10 binary (`.bin`), a `.npy` `[n, 3, height, width]` of bytes, a folder of CIFAR-10 binaries, all of
    /// which are read, or a folder with one subfolder a class, whose PNG and JPEG files are resized and cropped as
    /// `preprocess` says.
    ///
    /// Where that leaves the size open, the images must have one size already.
    ///
    /// # Errors
    /// Fails if there are no images, if a file is none of these, or with [`Error::Sizes`] if the images differ in size.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(path: &Path, preprocess: &Preprocess) -> Result<Self, Error> {
        if !path.is_dir() {
            return Self::from_file(&super::folder::name_of(path), Bytes::open(path)?);
        }
        let binaries = super::folder::binaries(path)?;
        if binaries.is_empty() {
            return Ok(Self::from_source(Source::Folder(ImageFolder::open(path, preprocess)?)));
        }
        let file = |path| CifarFile::new(&super::folder::name_of(path), Bytes::open(path)?);
        let files = binaries.iter().map(|path| file(path)).collect::<Result<_, Error>>()?;
        Ok(Self::from_source(Source::Cifar(files)))
    }

    /// Reads a CIFAR-10 binary or a `.npy`, whose name tells which.
    pub fn from_bytes(file_name: &str, bytes: &[u8]) -> Result<Self, Error> {
        Self::from_file(file_name, Bytes::Owned(bytes.to_vec()))
    }

    /// Pictures that are in memory, of classes without names.
    pub fn of(pictures: Pictures) -> Self {
        Self::from_source(Source::Pictures(pictures))
    }

    /// The first `count` pictures of the stream `seed` of [`crate::glyphs`], drawn when they are read.
    pub(in crate::vision) fn of_glyphs(seed: u64, count: usize) -> Self {
        Self::from_source(Source::Glyphs(seed)).first(count)
    }

    fn from_file(name: &str, bytes: Bytes) -> Result<Self, Error> {
        let lower = name.to_ascii_lowercase();
        if lower.ends_with(".bin") {
            Ok(Self::from_source(Source::Cifar(vec![CifarFile::new(name, bytes)?])))
        } else if lower.ends_with(".npy") {
            Ok(Self::from_source(Source::Npy(NpyFile::new(name, bytes)?)))
        } else {
            Err(Error::UnknownImages { file: name.to_owned() })
        }
    }

    fn from_source(source: Source) -> Self {
        let (len, classes) = match &source {
            Source::Pictures(pictures) => (pictures.len(), Vec::new()),
            Source::Glyphs(_) => (usize::MAX, glyphs::CLASSES.map(str::to_owned).to_vec()),
            Source::Cifar(files) => {
                (files.iter().map(CifarFile::len).sum(), cifar::CLASSES.map(str::to_owned).to_vec())
            }
            Source::Npy(file) => (file.len, Vec::new()),
            #[cfg(not(target_arch = "wasm32"))]
            Source::Folder(folder) => (folder.len(), folder.classes.clone()),
        };
        Self { source: Arc::new(source), len, classes, labels: None }
    }

    /// Only the first images, if there are more.
    pub fn first(mut self, limit: usize) -> Self {
        self.len = self.len.min(limit);
        self
    }

    /// Numbers the classes as `names` does, a network's own, if all of them are found there; otherwise they keep their
    /// order.
    pub fn with_class_names(mut self, names: &[String]) -> Self {
        let label = |class: &String| names.iter().position(|name| name == class);
        let labels: Option<Vec<usize>> = self.classes.iter().map(label).collect();
        if let Some(labels) = labels.filter(|labels| !labels.is_empty()) {
            // What was renumbered before is renumbered once more.
            self.labels = Some(match self.labels {
                Some(before) => before.into_iter().map(|label| labels[label]).collect(),
                None => labels,
            });
            self.classes = names.to_vec();
        }
        self
    }

    /// Number of images, broken ones among them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Rows and columns of every image.
    pub fn size(&self) -> (usize, usize) {
        match &*self.source {
            Source::Pictures(pictures) => (pictures.height, pictures.width),
            Source::Glyphs(_) => (glyphs::SIDE, glyphs::SIDE),
            Source::Cifar(_) => (cifar::SIDE, cifar::SIDE),
            Source::Npy(file) => file.size,
            #[cfg(not(target_arch = "wasm32"))]
            Source::Folder(folder) => folder.size,
        }
    }

    /// Whether the images' classes are known.
    pub fn is_labelled(&self) -> bool {
        match &*self.source {
            Source::Pictures(pictures) => !pictures.labels.is_empty(),
            Source::Npy(_) => false,
            _ => true,
        }
    }

    /// Names of the classes, by label: those of the subfolders, CIFAR-10's, or a network's; empty where none are known.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Reads `count` images, all if there are no more, spread evenly over the set and in a random order that is always the same:
    /// images of a folder stand there class by class.
    ///
    /// # Errors
    /// As [`ImageSet::read`], or if none of them can be read.
    pub fn spread(&self, count: usize) -> Result<Portion, Error> {
        let count = count.min(self.len);
        let mut order: Vec<usize> = (0..count).map(|at| at * self.len / count).collect();
        let mut rng = Pcg64Mcg::seed_from_u64(0);
        for at in (1..order.len()).rev() {
            order.swap(at, rng.next_u32() as usize % (at + 1));
        }
        let mut all = Portion::default();
        for at in order {
            let portion = self.read(at..at + 1)?;
            all.skipped.extend(portion.skipped);
            if !portion.pictures.is_empty() {
                all.pictures.extend(&portion.pictures);
            }
        }
        match (all.pictures.is_empty(), all.skipped.len()) {
            (false, _) => Ok(all),
            (true, 0) => Err(Error::NoImages),
            (true, images) => Err(Error::NoneReadable { images }),
        }
    }

    /// Reads some of the images: of a folder, on all threads.
    ///
    /// # Errors
    /// Fails if the file itself cannot be read, or is not what its name says. A broken image of a folder is left out.
    ///
    /// # Panics
    /// Panics if there are fewer.
    pub fn read(&self, range: Range<usize>) -> Result<Portion, Error> {
        assert!(range.start <= range.end && range.end <= self.len, "a range of the images");
        let (height, width) = self.size();
        let mut portion = Portion { pictures: Pictures { height, width, ..Pictures::default() }, skipped: Vec::new() };
        match &*self.source {
            Source::Pictures(pictures) => portion.pictures = pictures.range(range),
            Source::Glyphs(seed) => {
                portion.pictures = Pictures::of_glyphs(*seed, range.start as u64..range.end as u64);
            }
            Source::Cifar(files) => {
                let mut start = 0;
                for file in files {
                    let part = |at: usize| at.clamp(start, start + file.len()) - start;
                    file.read(part(range.start)..part(range.end), &mut portion.pictures)?;
                    start += file.len();
                }
            }
            Source::Npy(file) => file.read(range, &mut portion.pictures)?,
            #[cfg(not(target_arch = "wasm32"))]
            Source::Folder(folder) => folder.read(range, &mut portion),
        }
        if let Some(labels) = &self.labels {
            portion.pictures.labels.iter_mut().for_each(|label| *label = labels[*label]);
        }
        Ok(portion)
    }
}

impl fmt::Debug for ImageSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = &mut f.debug_struct("ImageSet");
        set.field("len", &self.len).field("size", &self.size()).field("classes", &self.classes).finish()
    }
}
