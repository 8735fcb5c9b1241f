//! What every target does with a file that opened: read all of it.

use dsf_explorer::model::{Checkpoint, Error, Orientation};

/// Reads every layer both ways and every pair of factors; each may fail, none may panic.
pub fn read_everything(opened: Result<Checkpoint, Error>) {
    let checkpoint = match opened {
        Ok(checkpoint) => checkpoint,
        Err(error) => return one_line(&error),
    };
    for info in checkpoint.tensors() {
        assert!(checkpoint.bytes(&info.name).is_ok());
        for orientation in [Orientation::AsStored, Orientation::Transposed] {
            if let Err(error) = checkpoint.layer(&info.name, orientation) {
                one_line(&error);
            }
        }
    }
    for stem in checkpoint.factorizations() {
        match checkpoint.factors(&stem) {
            Ok(factors) => assert_eq!(factors.a.cols(), factors.b.rows()),
            Err(error) => one_line(&error),
        }
    }
}

fn one_line(error: &Error) {
    let message = error.to_string();
    assert!(!message.contains(char::is_control), "{message:?}");
}
