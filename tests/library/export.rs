//! Exported files: their bytes, their numbers, and how they come to be on the disk.

use ::safetensors::{Dtype as Kind, SafeTensors};
use dsf_explorer::Named;
use dsf_explorer::export::{Error, Export, Layout, Tensor, safetensors};
use dsf_explorer::matrix::{Csr, Factors, Matrix, Replacement};
use dsf_explorer::model::{Dtype, Layer};
use serde_json::{Value, json};
use std::sync::Arc;

fn layer(shape: &[usize], dtype: Dtype, transposed: bool, weight: Matrix) -> Layer {
    let (name, file) = ("h.0.c_fc.weight".into(), "/home/someone/models/model.safetensors".into());
    Layer { name, file, shape: shape.to_vec(), dtype, transposed, weight: weight.into() }
}

/// A 3×3 identity times a B of the sparse-bitmask format's test vector.
fn golden() -> (Layer, Factors) {
    let mut b = Matrix::zeros(3, 10);
    for (at, value) in [(1, 1.5), (8, -2.0), (20, 3.0), (23, 4.0), (27, 5.0), (29, 6.0)] {
        b.as_mut_slice()[at] = value;
    }
    let factors = Factors::from_dense(&Matrix::from_fn(3, 3, |i, j| f32::from(i == j)), &b);
    (layer(&[3, 10], Dtype::F32, false, factors.dense_product()), factors)
}

/// Sparse factors with values of many sizes, the same each time.
fn uneven(rows: usize, k: usize, cols: usize) -> Factors {
    let mut state = 1u64;
    let mut value = |_, _| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let bits = state >> 33;
        match bits % 3 {
            0 => (bits as f32 / 2f32.powi(30) - 1.0) * 2f32.powi((bits % 61) as i32 - 50),
            _ => 0.0,
        }
    };
    Factors::from_dense(&Matrix::from_fn(rows, k, &mut value), &Matrix::from_fn(k, cols, &mut value))
}

/// The export of two factors.
fn export_of(layer: &Layer, factors: &Factors, layout: Layout, dtype: Option<Dtype>) -> Result<Export, Error> {
    Export::new(layer, &Arc::new(factors.clone().into()), layout, dtype)
}

fn exported(layer: &Layer, factors: &Factors, layout: Layout, dtype: Option<Dtype>) -> Vec<u8> {
    let export = export_of(layer, factors, layout, dtype).unwrap();
    export.to_bytes(&json!({"density": 0.25}), &json!({"relative_error": 0.5}))
}

fn integers(bytes: &[u8]) -> Vec<i64> {
    bytes.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect()
}

fn sorted_names(file: &SafeTensors) -> Vec<String> {
    let mut names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn the_container_byte_by_byte() {
    let tensors = vec![
        Tensor::bytes("u", &[2], vec![7, 9]),
        Tensor::values("h", Dtype::F16, &[1], &[1.0]),
        Tensor::integers("i", &[1], [5]),
    ];
    let metadata = [("z".to_owned(), "\"1\"".to_owned()), ("a".to_owned(), "é".to_owned())].into();
    let file = safetensors(tensors, &metadata);
    let header = concat!(
        r#"{"__metadata__":{"a":"é","z":"\"1\""},"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"#,
        r#""h":{"dtype":"F16","shape":[1],"data_offsets":[8,10]},"u":{"dtype":"U8","shape":[2],"data_offsets":[10,12]}}"#
    );
    let length = header.len().next_multiple_of(8);
    let mut expected = (length as u64).to_le_bytes().to_vec();
    expected.extend(format!("{header:length$}", length = length - 1).bytes()); // é is one character of two bytes
    expected.extend([5, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x3c, 7, 9]);
    assert_eq!(file, expected);
    assert_eq!(SafeTensors::deserialize(&file).unwrap().len(), 3);
}

#[test]
fn bitmask_is_the_golden_vector() {
    let (layer, factors) = golden();
    let bytes = exported(&layer, &factors, Layout::Bitmask, None);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let parts = ["bitmask", "compressed", "row_offsets", "shape"];
    let expected: Vec<String> = ["A", "B"].iter().flat_map(|f| parts.map(|p| format!("h.0.c_fc.{f}.{p}"))).collect();
    assert_eq!(sorted_names(&file), expected);
    let b = |part: &str| file.tensor(&format!("h.0.c_fc.B.{part}")).unwrap();
    assert_eq!((b("shape").dtype(), integers(b("shape").data())), (Kind::I64, vec![3, 10]));
    assert_eq!((b("compressed").dtype(), b("compressed").shape()), (Kind::F32, &[6][..]));
    assert_eq!(Dtype::F32.decode(b("compressed").data()), [1.5, -2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!((b("bitmask").dtype(), b("bitmask").shape()), (Kind::U8, &[3, 2][..]));
    assert_eq!(b("bitmask").data(), [2, 1, 0, 0, 137, 2]);
    assert_eq!((b("row_offsets").shape(), integers(b("row_offsets").data())), (&[3][..], vec![0, 2, 2]));
}

#[test]
fn csr_by_hand() {
    let factors = Factors::from_dense(
        &Matrix::from_vec(2, 2, vec![0.0, 1.0, 2.0, 0.0]),
        &Matrix::from_vec(2, 3, vec![0.0, 2.0, -1.0, 0.0, 0.0, 5.0]),
    );
    let layer = layer(&[2, 3], Dtype::BF16, false, factors.dense_product());
    let bytes = exported(&layer, &factors, Layout::Csr, Some(Dtype::F16));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.len(), 8);
    let b = |part: &str| file.tensor(&format!("h.0.c_fc.B.{part}")).unwrap();
    for (part, expected) in [("crow_indices", vec![0, 2, 3]), ("col_indices", vec![1, 2, 2]), ("shape", vec![2, 3])] {
        assert_eq!(b(part).dtype(), Kind::I64);
        assert_eq!(b(part).shape(), [expected.len()]);
        assert_eq!(integers(b(part).data()), expected, "{part}");
    }
    assert_eq!((b("values").dtype(), Dtype::F16.decode(b("values").data())), (Kind::F16, vec![2.0, -1.0, 5.0]));
}

#[test]
fn dense_is_both_factors_with_their_zeros() {
    let (layer, factors) = golden();
    let bytes = exported(&layer, &factors, Layout::Dense, None);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(sorted_names(&file), ["h.0.c_fc.A.weight", "h.0.c_fc.B.weight"]);
    for (name, matrix) in [("h.0.c_fc.A.weight", &factors.a), ("h.0.c_fc.B.weight", &factors.b)] {
        let tensor = file.tensor(name).unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (Kind::F32, &[matrix.rows(), matrix.cols()][..]));
        assert_eq!(Dtype::F32.decode(tensor.data()), matrix.to_dense().as_slice());
    }
}

#[test]
fn metadata_says_where_it_comes_from_but_no_folder() {
    let (layer, factors) = golden();
    for &layout in Layout::ALL {
        let bytes = exported(&layer, &factors, layout, None);
        let (header_length, header) = SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(header_length % 8, 0);
        let metadata = header.metadata().clone().unwrap();
        assert_eq!(metadata.len(), 6);
        assert_eq!(metadata["format"], "pt");
        assert_eq!(metadata["dsf.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(metadata["dsf.layout"], layout.name());
        assert_eq!(metadata["dsf.source"], "model.safetensors:h.0.c_fc.weight");
        assert_eq!(serde_json::from_str::<Value>(&metadata["dsf.settings"]).unwrap(), json!({"density": 0.25}));
        assert_eq!(serde_json::from_str::<Value>(&metadata["dsf.report"]).unwrap(), json!({"relative_error": 0.5}));
        assert_eq!(serde_json::to_value(layout).unwrap(), layout.name());
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_and_every_tensor_is_aligned() {
    let factors = uneven(7, 7, 13);
    let layer = layer(&[7, 13], Dtype::F16, false, factors.dense_product());
    for &layout in Layout::ALL {
        let first = exported(&layer, &factors, layout, Some(Dtype::BF16));
        assert_eq!(first, exported(&layer, &factors, layout, Some(Dtype::BF16)));
        let (_, header) = SafeTensors::read_metadata(&first).unwrap();
        for (name, tensor) in header.tensors() {
            assert_eq!(tensor.data_offsets.0 * 8 % tensor.dtype.bitsize(), 0, "{name}");
        }
    }
}

#[test]
fn rounding_keeps_every_nonzero() {
    let factors = uneven(20, 20, 30);
    let layer = layer(&[20, 30], Dtype::F32, false, factors.dense_product());
    for dtype in [Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64] {
        let export = export_of(&layer, &factors, Layout::Dense, Some(dtype)).unwrap();
        assert_eq!(export.nnz_of_factors(), Some([factors.a.nnz(), factors.b.nnz()]));
        let bytes = export.to_bytes(&Value::Null, &Value::Null);
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let rounded = export.replacement().factors().unwrap();
        for (factor, rounded) in [("A", &rounded.a), ("B", &rounded.b)] {
            let written = file.tensor(&format!("h.0.c_fc.{factor}.weight")).unwrap();
            assert_eq!(dtype.decode(written.data()), rounded.to_dense().as_slice(), "{dtype:?} {factor}");
        }
        let exact = matches!(dtype, Dtype::F32 | Dtype::F64);
        assert_eq!(export.replacement().factors() == Some(&factors), exact);
        assert!(export.relative_error(&layer) < if exact { 1e-6 } else { 1e-2 });
    }
}

#[test]
fn errors_are_of_the_values_as_written() {
    // 1 + 2⁻¹¹ is 1 in f16.
    let w = Matrix::from_vec(1, 1, vec![1.0 + 2f32.powi(-11)]);
    let factors = Factors::from_dense(&w, &Matrix::from_vec(1, 1, vec![1.0]));
    let layer = layer(&[1, 1], Dtype::F32, false, w);
    let expected = 2f64.powi(-11) / (1.0 + 2f64.powi(-11));
    for &layout in Layout::ALL {
        let rounded = export_of(&layer, &factors, layout, Some(Dtype::F16)).unwrap();
        assert!((rounded.relative_error(&layer) - expected).abs() < 1e-15, "{layout:?}");
        let exact = export_of(&layer, &factors, layout, None).unwrap();
        assert_eq!(exact.relative_error(&layer), 0.0);
    }
}

#[test]
fn merged_keeps_name_format_and_shape() {
    let factors = uneven(4, 4, 6);
    let product = factors.dense_product();
    let cases = [
        (layer(&[4, 6], Dtype::F64, false, product.clone()), Kind::F64, product.clone()),
        (layer(&[4, 3, 1, 2], Dtype::BF16, false, product.clone()), Kind::BF16, product.clone()),
        (layer(&[6, 4], Dtype::F32, true, product.clone()), Kind::F32, product.transposed()),
    ];
    for (layer, kind, stored) in cases {
        let export = export_of(&layer, &factors, Layout::Merged, None).unwrap();
        assert_eq!(export.replacement().factors(), Some(&factors));
        let bytes = export.to_bytes(&Value::Null, &Value::Null);
        let file = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.names(), ["h.0.c_fc.weight"]);
        let tensor = file.tensor("h.0.c_fc.weight").unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (kind, &layer.shape[..]));
        assert_eq!(tensor.data(), layer.dtype.encode(stored.as_slice()));
        let merged = export.merged().unwrap();
        assert_eq!(merged.as_slice(), layer.dtype.decode(&layer.dtype.encode(product.as_slice())));
        assert_eq!(export.relative_error(&layer) == 0.0, kind != Kind::BF16);
    }
    let layer = layer(&[4, 6], Dtype::F32, false, product);
    assert_eq!(export_of(&layer, &factors, Layout::Merged, Some(Dtype::BF16)).unwrap().dtype(), Dtype::BF16);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (mut layer, factors) = golden();
    let turned = Factors { a: factors.b.transposed(), b: factors.a.clone() };
    let error = export_of(&layer, &turned, Layout::Dense, None).unwrap_err();
    assert!(error.to_string().contains("A 10×3 times B 3×3"), "{error}");
    layer.shape = vec![3, 11];
    assert!(matches!(export_of(&layer, &factors, Layout::Merged, None), Err(Error::Stored { .. })));
    let thousand = Matrix::from_vec(1, 1, vec![1e3]);
    let large = Factors::from_dense(&thousand, &thousand);
    let layer = Layer { shape: vec![1, 1], weight: Matrix::from_vec(1, 1, vec![1e6]).into(), ..layer };
    let error = export_of(&layer, &large, Layout::Merged, Some(Dtype::F16)).unwrap_err();
    assert!(error.to_string().starts_with("A·B holds 1000000 in row 0"), "{error}");
    assert!(export_of(&layer, &large, Layout::Dense, Some(Dtype::F16)).is_ok());
}

#[test]
fn factors_without_nonzeros_are_written_too() {
    let factors = Factors::from_dense(&Matrix::zeros(2, 2), &Matrix::zeros(2, 3));
    let layer = layer(&[2, 3], Dtype::F32, false, Matrix::zeros(2, 3));
    for &layout in Layout::ALL {
        let bytes = exported(&layer, &factors, layout, Some(Dtype::F16));
        SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(export_of(&layer, &factors, layout, None).unwrap().relative_error(&layer), 0.0);
    }
}

#[test]
fn one_sparse_matrix_is_written_in_the_place_of_the_layer() {
    // 3e-9 is less than f16's smallest number, and stays a nonzero all the same.
    let pruned = Matrix::from_vec(2, 3, vec![0.0, 1.5, 0.0, 3e-9, 0.0, -2.0]);
    let pruned = Arc::new(Replacement::Sparse(Csr::from_dense(&pruned)));
    let layer = layer(&[3, 2], Dtype::F16, true, Matrix::from_fn(2, 3, |_, _| 1.0));
    let export = Export::new(&layer, &pruned, Layout::Merged, None).unwrap();
    assert_eq!((export.nnz_of_factors(), export.replacement().factors()), (None, None));
    assert_eq!(export.merged().unwrap().nnz(), 3);
    let bytes = export.to_bytes(&Value::Null, &Value::Null);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor("h.0.c_fc.weight").unwrap();
    assert_eq!((tensor.dtype(), tensor.shape()), (Kind::F16, &[3, 2][..]));
    // Two matrices are asked for where there is one.
    let refused = Export::new(&layer, &pruned, Layout::Csr, None);
    assert!(matches!(refused, Err(Error::NoFactors { layout: "csr", parts: 1 })));
}
