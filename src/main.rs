//! The `dsf-explorer` program: the window and the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(dsf_explorer::cli::main(std::env::args_os()))
}
