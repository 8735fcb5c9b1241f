//! The better known kinds of files that are not read, and what converts them.

/// A kind of file that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// The page about a file in place of the file.
    #[error("a web page")]
    WebPage,
    /// A pickle, such as PyTorch wrote before version 1.6.
    #[error("a pickle of Python, as PyTorch wrote before version 1.6")]
    Pickle,
    /// Keras's and others' arrays.
    #[error("an HDF5 file")]
    Hdf5,
    /// Keras's archive.
    #[error("an archive of Keras")]
    Keras,
    /// Several NumPy arrays.
    #[error("an archive of NumPy arrays")]
    Npz,
    /// Flax's weights.
    #[error("a checkpoint of Flax")]
    Flax,
    /// An exchange format of graphs.
    #[error("an ONNX graph")]
    Onnx,
    /// TensorFlow's checkpoints and graphs.
    #[error("a file of TensorFlow")]
    TensorFlow,
    /// A part of PyTorch's distributed checkpoints.
    #[error("a part of a distributed checkpoint of PyTorch")]
    Distributed,
    /// llama.cpp's format before GGUF.
    #[error("a GGML file, of before August 2023")]
    Ggml,
    /// Files packed together.
    #[error("an archive")]
    Archive,
}

impl Foreign {
    /// What turns such a file into one that is read.
    pub(super) fn converter(self) -> &'static str {
        match self {
            Self::WebPage => {
                "download the file itself, at Hugging Face with /resolve/ in place of /blob/ in its address"
            }
            Self::Pickle => {
                "save it again with a newer PyTorch, \
                 `torch.save(torch.load(old, map_location='cpu', weights_only=True), 'new.pt')`"
            }
            Self::Hdf5 => {
                "read its arrays with h5py, and write them with `safetensors.numpy.save_file(arrays, 'new.safetensors')`"
            }
            Self::Keras => {
                "write its arrays with `safetensors.numpy.save_file({w.path: w.numpy() for w in \
                 keras.saving.load_model(old).weights}, 'new.safetensors')`"
            }
            Self::Npz => "save its arrays with `safetensors.numpy.save_file(dict(np.load(old)), 'new.safetensors')`",
            Self::Flax => {
                "load it with transformers 4, `AutoModel.from_pretrained(folder, from_flax=True)`, and write it with \
                 save_pretrained"
            }
            Self::Onnx => {
                "write its arrays with `safetensors.numpy.save_file({x.name: onnx.numpy_helper.to_array(x) for x in \
                 onnx.load(old).graph.initializer}, 'new.safetensors')`"
            }
            Self::TensorFlow => {
                "read its arrays with `tf.train.load_checkpoint(old)`, and write them with \
                 `safetensors.numpy.save_file(arrays, 'new.safetensors')`"
            }
            Self::Distributed => {
                "join it with `python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER new.pt`"
            }
            Self::Ggml => "convert it with llama.cpp's convert_llama_ggml_to_gguf.py",
            Self::Archive => "unpack it, and open what is inside",
        }
    }
}
