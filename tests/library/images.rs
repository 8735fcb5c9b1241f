//! Images: CIFAR-10's files, arrays, folders of PNG and JPEG files, and how they are brought to one size.

use crate::common;
use dsf_explorer::hint::{Explain, Hint};
use dsf_explorer::vision::{Error, Filter, ImageSet, Pictures, Portion, Preprocess, Resize, Size};
use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use std::fs;
use std::path::{Path, PathBuf};

fn plain() -> Preprocess {
    Preprocess::default()
}

fn resized(to: Size, filter: Filter) -> Preprocess {
    Preprocess { resize: Some(Resize { to, filter }), ..plain() }
}

/// All images of a folder or a file.
fn read(path: &Path, preprocess: &Preprocess) -> Portion {
    let set = ImageSet::open(path, preprocess).unwrap();
    set.read(0..set.len()).unwrap()
}

/// A folder of two classes, to be filled.
fn classes() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    [&one, &two].into_iter().for_each(|class| fs::create_dir(class).unwrap());
    (folder, one, two)
}

fn filled(height: u32, width: u32, colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb(colour))
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images").join(name)
}

/// Red, green and blue of a position of one of the pictures.
fn pixel(pictures: &Pictures, image: usize, row: usize, col: usize) -> [u8; 3] {
    let (positions, at) = (pictures.height * pictures.width, row * pictures.width + col);
    [0, 1, 2].map(|colour| pictures.pixels[(3 * image + colour) * positions + at])
}

#[test]
fn files_of_cifar_are_taken_as_they_are() {
    let Some(data) = common::test_data() else { return };
    let path = data.join("cifar10/test_first1000.bin");
    let bytes = fs::read(&path).unwrap();
    // What would become of other images does not matter.
    let set = ImageSet::open(&path, &plain().for_side(64)).unwrap();
    assert_eq!((set.len(), set.size(), set.is_labelled()), (1000, (32, 32), true));
    assert_eq!((set.classes().len(), &*set.classes()[3]), (10, "cat"));
    let portion = set.read(0..1000).unwrap();
    assert_eq!((portion.pictures.len(), portion.skipped.len()), (1000, 0));
    for image in [0, 1, 499, 999] {
        let record = &bytes[3073 * image..][..3073];
        assert_eq!(portion.pictures.labels[image], usize::from(record[0]));
        assert_eq!(portion.pictures.range(image..image + 1).pixels, record[1..]);
        assert_eq!(pixel(&portion.pictures, image, 2, 5), [record[70], record[1094], record[2118]]);
    }
    // The first one is a cat, of a red of 158 in its corner.
    assert_eq!((portion.pictures.labels[0], portion.pictures.pixels[0]), (3, 158));
    assert_eq!(set.read(990..1000).unwrap().pictures, portion.pictures.range(990..1000));
    assert_eq!(set.clone().first(5).read(0..5).unwrap().pictures, portion.pictures.range(0..5));
    let given = ImageSet::from_bytes("batch.BIN", &bytes).unwrap();
    assert_eq!(given.read(0..1000).unwrap(), portion);

    // A folder of them, as people have it: all records, one file after the other.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data_batch_1.bin"), &bytes[3073..4 * 3073]).unwrap();
    fs::write(folder.path().join("test_batch.bin"), &bytes[..2 * 3073]).unwrap();
    fs::write(folder.path().join("readme.html"), "about").unwrap();
    let both = ImageSet::open(folder.path(), &plain()).unwrap();
    assert_eq!(both.len(), 5);
    let first = &portion.pictures.labels;
    assert_eq!(both.read(0..5).unwrap().pictures.labels, [first[1], first[2], first[3], first[0], first[1]]);
    assert_eq!(both.read(2..4).unwrap().pictures.labels, [first[3], first[0]]);
}

#[test]
fn arrays_have_no_labels() {
    let array = |descr: &str, order: &str, shape: &str, bytes: &[u8]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        [b"\x93NUMPY\x01\x00\x76\x00", &*format!("{header:<117}\n").into_bytes(), bytes].concat()
    };
    let values: Vec<u8> = (0..36).collect();
    let set = ImageSet::from_bytes("a.npy", &array("|u1", "False", "(2, 3, 2, 3)", &values)).unwrap();
    assert_eq!((set.len(), set.size(), set.is_labelled(), set.classes().len()), (2, (2, 3), false, 0));
    let pictures = set.read(1..2).unwrap().pictures;
    assert_eq!((pictures.pixels, pictures.labels.len()), (values[18..].to_vec(), 0));

    for (descr, order, shape, count) in [
        ("|u1", "False", "(2, 3, 6)", 36),
        ("|u1", "False", "(3, 1, 2, 6)", 36),
        ("|u1", "True", "(2, 3, 2, 3)", 36),
        ("|u1", "False", "(0, 3, 2, 3)", 0),
        ("|i1", "False", "(2, 3, 2, 3)", 36),
        ("<f4", "False", "(1, 3, 1, 3)", 36),
    ] {
        let error = ImageSet::from_bytes("a.npy", &array(descr, order, shape, &values[..count])).unwrap_err();
        assert!(
            matches!(error, Error::NotPictures { .. }) && error.hint().is_some(),
            "{descr} {order} {shape}: {error}"
        );
    }
    let short = ImageSet::from_bytes("a.npy", &array("|u1", "False", "(2, 3, 2, 3)", &values[1..])).unwrap_err();
    assert!(short.to_string().contains("ends after"), "{short}");
    let lying = array("|u1", "False", "(4294967296, 3, 4294967296, 3)", &values);
    assert!(ImageSet::from_bytes("a.npy", &lying).is_err());
}

#[test]
fn a_folder_has_a_subfolder_for_each_class() {
    let (folder, one, two) = classes();
    let further = two.join("further");
    fs::create_dir(&further).unwrap();
    fs::create_dir(folder.path().join("Empty")).unwrap();
    fs::create_dir(folder.path().join(".hidden")).unwrap();
    filled(2, 3, [1, 2, 3]).save(one.join("b.png")).unwrap();
    filled(2, 3, [4, 5, 6]).save(one.join("a.PNG")).unwrap();
    filled(2, 3, [7, 8, 9]).save(further.join("c.png")).unwrap();
    fs::write(one.join("notes.txt"), "no image").unwrap();
    fs::write(one.join("._b.png"), "what a system writes beside it").unwrap();
    let set = ImageSet::open(folder.path(), &plain()).unwrap();
    assert_eq!((set.len(), set.size(), set.is_labelled()), (3, (2, 3), true));
    assert_eq!(set.classes(), ["Empty", "one", "two"]);
    let portion = set.read(0..3).unwrap();
    assert_eq!((&portion.pictures.labels[..], portion.skipped.len()), (&[1, 1, 2][..], 0));
    assert_eq!([0, 1, 2].map(|at| pixel(&portion.pictures, at, 1, 2)), [[4, 5, 6], [1, 2, 3], [7, 8, 9]]);

    // A network's own names, where it has them all.
    let names = ["two", "cat", "one", "Empty"].map(str::to_owned);
    let named = set.clone().with_class_names(&names);
    assert_eq!((named.classes(), named.read(0..3).unwrap().pictures.labels), (&names[..], vec![2, 2, 0]));
    let others = set.with_class_names(&names[..2]);
    assert_eq!((others.classes().len(), others.read(1..3).unwrap().pictures.labels), (3, vec![1, 2]));
}

#[test]
fn broken_images_are_left_out_by_name() {
    let (folder, one, two) = classes();
    filled(4, 4, [9, 9, 9]).save(one.join("0.png")).unwrap();
    let whole = fs::read(one.join("0.png")).unwrap();
    fs::write(one.join("1.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(one.join("2.png"), b"").unwrap();
    fs::write(one.join("3.jpg"), b"RIFF\0\0\0\0WEBPVP8 ").unwrap();
    fs::write(one.join("4.gif"), b"GIF89a").unwrap();
    fs::create_dir(one.join("5.png")).unwrap();
    // Of a size that the header only claims: 100 000 × 100 000.
    let mut huge = whole.clone();
    huge[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    fs::write(two.join("6.png"), &huge).unwrap();
    let jpeg = fs::read(fixture("progressive.jpg")).unwrap();
    fs::write(two.join("7.jpg"), &jpeg[..jpeg.len() - 100]).unwrap();
    fs::write(two.join("8.png"), &jpeg).unwrap();
    let all = read(folder.path(), &resized(Size::Exactly { height: 4, width: 4 }, Filter::Bilinear));
    let skipped = ["one/1.png", "one/2.png", "one/3.jpg", "one/4.gif", "two/6.png", "two/7.jpg"];
    assert_eq!((all.skipped, &all.pictures.labels[..]), (skipped.map(str::to_owned).to_vec(), &[0, 1][..]));
    assert_eq!(pixel(&all.pictures, 0, 3, 3), [9, 9, 9]);
}

#[test]
fn pngs_of_all_kinds_become_three_colours() {
    let (folder, one, two) = classes();
    GrayImage::from_pixel(2, 1, Luma([77])).save(one.join("a.png")).unwrap();
    RgbaImage::from_pixel(2, 1, Rgba([10, 20, 30, 0])).save(one.join("b.png")).unwrap();
    // As PIL reads 16 bits a colour: the high byte, here 255·256 + 255, 128·256 and 255.
    ImageBuffer::from_pixel(2, 1, Rgb([65535u16, 32768, 255])).save(one.join("c.png")).unwrap();
    ImageBuffer::from_pixel(2, 1, Rgba([256u16, 512, 768, 9])).save(one.join("d.png")).unwrap();
    ImageBuffer::from_pixel(2, 1, Luma([40000u16])).save(two.join("e.png")).unwrap();
    ImageBuffer::from_pixel(2, 1, image::LumaA([511u16, 0])).save(two.join("f.png")).unwrap();
    let all = read(folder.path(), &plain()).pictures;
    let expected = [[77; 3], [10, 20, 30], [255, 128, 0], [1, 2, 3], [156; 3], [1; 3]];
    assert_eq!([0, 1, 2, 3, 4, 5].map(|at| pixel(&all, at, 0, 1)), expected);
}

/// Pixels as Pillow 13.0 reads them (`tests/images/make.py`); two decoders may differ by rounding.
#[test]
fn jpegs_as_pillow_reads_them() {
    let expected = [
        ("cmyk.jpg", (16, 24), [(0, 0, [42, 119, 157]), (5, 20, [255, 225, 35]), (15, 23, [255, 225, 35])]),
        ("progressive.jpg", (24, 40), [(0, 0, [43, 199, 92]), (5, 20, [121, 175, 115]), (23, 39, [192, 88, 151])]),
        // Not turned, although a note in it says so.
        ("turned.jpg", (24, 40), [(0, 0, [43, 199, 92]), (5, 20, [121, 175, 115]), (23, 39, [192, 88, 151])]),
    ];
    for (name, size, pixels) in expected {
        let (folder, one, _two) = classes();
        fs::copy(fixture(name), one.join(name)).unwrap();
        let pictures = read(folder.path(), &plain()).pictures;
        assert_eq!((pictures.height, pictures.width), size, "{name}");
        for (row, col, expected) in pixels {
            let found = pixel(&pictures, 0, row, col);
            let near = found.iter().zip(expected).all(|(&a, b): (&u8, u8)| a.abs_diff(b) <= 3);
            assert!(near, "{name} {row} {col}: {found:?}, Pillow {expected:?}");
        }
    }
}

/// First values and a sum of all by Pillow 13.0 (`tests/images/make.py`), to the bit.
#[test]
fn resizing_as_pillow_does() {
    let (folder, one, _two) = classes();
    let value = |at: usize| ((at * 7919 + at * at % 251 * 31) % 256) as u8;
    RgbImage::from_vec(17, 11, (0..17 * 11 * 3).map(value).collect()).unwrap().save(one.join("noise.png")).unwrap();
    use Filter::{Bicubic, Bilinear, Box, Hamming, Lanczos, Nearest};
    let (small, large) = ((4, 6), (19, 23));
    for (size, filter, first, sum) in [
        (small, Nearest, [47, 133, 20, 22, 242, 108], 3908141014u32),
        (small, Lanczos, [128, 105, 104, 149, 138, 91], 2424054909),
        (small, Bilinear, [129, 112, 109, 140, 138, 100], 4199070540),
        (small, Bicubic, [130, 107, 107, 145, 137, 94], 1298947478),
        (small, Box, [135, 96, 108, 167, 136, 88], 277230215),
        (small, Hamming, [130, 108, 113, 146, 141, 98], 4138421918),
        (large, Nearest, [0, 228, 228, 246, 54, 164], 52414474),
        (large, Lanczos, [0, 131, 255, 221, 59, 109], 2042851860),
        (large, Bilinear, [0, 139, 234, 229, 87, 116], 909547964),
        (large, Bicubic, [0, 142, 255, 236, 68, 115], 2919567057),
        (large, Box, [0, 228, 228, 246, 54, 164], 52414474),
        (large, Hamming, [0, 168, 231, 244, 60, 125], 1925977355),
    ] {
        let pictures = read(folder.path(), &resized(Size::Exactly { height: size.0, width: size.1 }, filter)).pictures;
        assert_eq!(pictures.pixels[..6], first, "{size:?} {filter:?}");
        let found = pictures.pixels.iter().fold(0u32, |sum, &x| sum.wrapping_mul(31).wrapping_add(x.into()));
        assert_eq!(found, sum, "{size:?} {filter:?}");
    }
}

/// Sizes and a sum of all pixels by transformers 5.24 (`tests/images/processors.py`), to the bit.
#[test]
fn preprocessing_as_transformers_does() {
    let (folder, one, _two) = classes();
    let value = |x: u32, y: u32| Rgb([(x * y) as u8, (7 * x) as u8, (x * x + y) as u8]);
    RgbImage::from_fn(50, 31, value).save(one.join("a.png")).unwrap();
    for (name, keys, size, sum) in [
        ("ConvNext", r#""size": {"shortest_edge": 20}, "crop_pct": 0.9, "resample": 3"#, (20, 20), 365373805u32),
        ("ConvNext", r#""size": {"shortest_edge": 384}, "resample": 2"#, (384, 384), 3410900056),
        ("ViT", r#""size": {"height": 24, "width": 36}, "resample": 2"#, (24, 36), 764916066),
        (
            "Bit",
            r#""size": {"shortest_edge": 23}, "crop_size": {"height": 29, "width": 20}, "resample": 3"#,
            (29, 20),
            3819988948,
        ),
    ] {
        let config = format!(r#"{{"image_processor_type": "{name}ImageProcessor", {keys}}}"#);
        let preprocess = Preprocess::from_config(config.as_bytes()).unwrap();
        let pictures = read(folder.path(), &preprocess).pictures;
        assert_eq!((pictures.height, pictures.width), size, "{config}");
        let found = pictures.pixels.iter().fold(0u32, |sum, &x| sum.wrapping_mul(31).wrapping_add(x.into()));
        assert_eq!(found, sum, "{config}");
    }
}

#[test]
fn a_crop_is_the_middle_with_black_around_what_is_smaller() {
    let (folder, one, _two) = classes();
    // Red counts columns, green rows.
    RgbImage::from_fn(8, 4, |x, y| Rgb([x as u8, y as u8, 9])).save(one.join("a.png")).unwrap();
    let cut = |crop| read(folder.path(), &Preprocess { crop: Some(crop), ..plain() }).pictures;
    let inner = cut((2, 3));
    // (4 − 2)/2 = 1 row and ⌊(8 − 3)/2⌋ = 2 columns are left away before it.
    assert_eq!([pixel(&inner, 0, 0, 0), pixel(&inner, 0, 1, 2)], [[2, 1, 9], [4, 2, 9]]);
    let padded = cut((7, 8));
    // ⌈(7 − 4)/2⌉ = 2 black rows before it, 1 after it.
    assert_eq!(
        [pixel(&padded, 0, 1, 5), pixel(&padded, 0, 2, 5), pixel(&padded, 0, 6, 5)],
        [[0; 3], [5, 0, 9], [0; 3]]
    );
    assert_eq!(pixel(&padded, 0, 5, 7), [7, 3, 9]);

    // The shorter side to 2, so 2×4 of which the mean of 2×2 pixels is one value; then the middle 2×2.
    let square = Preprocess { crop: Some((2, 2)), ..resized(Size::ShorterSide(2), Filter::Box) };
    let pictures = read(folder.path(), &square).pictures;
    // Columns 2 and 3, rows 0 and 1: 2.5 and 0.5, rounded up.
    assert_eq!(pixel(&pictures, 0, 0, 0), [3, 1, 9]);
    assert_eq!(pixel(&pictures, 0, 1, 1), [5, 3, 9]);
}

#[test]
fn a_crop_of_the_resized_image_is_what_resizing_all_of_it_gives() {
    let (folder, one, _two) = classes();
    RgbImage::from_fn(50, 31, |x, y| Rgb([(x * y) as u8, (7 * x) as u8, (x * x + y) as u8]))
        .save(one.join("a.png"))
        .unwrap();
    let whole = resized(Size::ShorterSide(20), Filter::Bicubic);
    let cropped = Preprocess { crop: Some((15, 21)), ..whole.clone() };
    let (whole, cropped) = (read(folder.path(), &whole).pictures, read(folder.path(), &cropped).pictures);
    assert_eq!(((whole.height, whole.width), (cropped.height, cropped.width)), ((20, 32), (15, 21)));
    for (row, col) in [(0, 0), (7, 20), (14, 3)] {
        assert_eq!(pixel(&cropped, 0, row, col), pixel(&whole, 0, row + 2, col + 5));
    }
}

/// 1 × 65 000 pixels, brought to a shorter side of 200, would have 13 million columns.
#[test]
fn of_a_long_image_only_the_middle_is_computed() {
    let (folder, one, two) = classes();
    filled(1, 65_000, [1, 2, 3]).save(one.join("a.png")).unwrap();
    filled(65_000, 1, [1, 2, 3]).save(two.join("b.png")).unwrap();
    let pictures = read(folder.path(), &plain().for_side(200)).pictures;
    assert_eq!((pictures.len(), pixel(&pictures, 1, 199, 199)), (2, [1, 2, 3]));
}

#[test]
fn any_number_of_threads_reads_the_same() {
    let (folder, one, two) = classes();
    for at in 0..20u8 {
        let image = RgbImage::from_fn(9, 7 + u32::from(at), |x, y| Rgb([x as u8 * at, y as u8, at]));
        image.save((if at % 3 == 0 { &one } else { &two }).join(format!("{at:02}.png"))).unwrap();
    }
    fs::write(two.join("11.png"), "broken").unwrap();
    let set = ImageSet::open(folder.path(), &plain().for_side(6)).unwrap();
    let on = |threads: usize| {
        let pool = dsf_explorer::compute::ThreadPool::new(Some(threads)).unwrap();
        pool.run(|| set.read(0..set.len()).unwrap())
    };
    let one = on(1);
    assert_eq!((one.pictures.len(), &one.skipped[..]), (19, &["two/11.png".to_owned()][..]));
    assert!(on(2) == one && on(5) == one);
    let parts = [0..3, 3..14, 14..20].map(|range| set.read(range).unwrap().pictures);
    assert_eq!(parts.iter().flat_map(|part| part.pixels.clone()).collect::<Vec<_>>(), one.pictures.pixels);
}

/// Message and hint of an error.
fn line(error: &Error) -> String {
    match error.hint() {
        Some(Hint::Say(words)) => format!("{error}: {words}"),
        other => panic!("{error}: {other:?}"),
    }
}

#[test]
fn what_holds_no_images_is_refused_with_advice() {
    let refused = |path: &Path| line(&ImageSet::open(path, &plain()).expect_err(&path.display().to_string()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(refused(&path.join("none")).contains("does not exist"));
    assert!(refused(path).contains("no subfolders with images"));
    fs::create_dir(path.join("class")).unwrap();
    assert!(refused(path).contains("no subfolders with images"));
    filled(2, 2, [0; 3]).save(path.join("a.png")).unwrap();
    assert!(refused(path).contains("not in subfolders, one for each class: move"));
    assert!(refused(&path.join("a.png")).contains("a.png is of no kind"));
    fs::write(path.join("class/b.png"), "broken").unwrap();
    assert!(refused(path).contains("none of the 1 images can be read"));
    filled(2, 2, [0; 3]).save(path.join("class/c.png")).unwrap();
    filled(2, 3, [0; 3]).save(path.join("class/d.png")).unwrap();
    assert!(refused(path).contains("class/c.png has 2×2 pixels, class/d.png 2×3"));
    assert_eq!(read(path, &plain().for_side(2)).pictures.len(), 2);

    let cifar = |bytes: &[u8]| {
        let set = ImageSet::from_bytes("x.bin", bytes);
        line(&set.and_then(|set| set.read(0..set.len())).unwrap_err())
    };
    assert!(cifar(&[0; 3072]).contains("x.bin has 3072 bytes"));
    assert!(cifar(&[]).contains("x.bin has 0 bytes"));
    let mut records = vec![0; 2 * 3073];
    records[3073] = 10;
    assert!(cifar(&records).contains("record 1 of x.bin is of class 10"));
}
