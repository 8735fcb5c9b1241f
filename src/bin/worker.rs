//! A Worker's program: runs the tasks that the page sends; see `web/`.

fn main() {
    #[cfg(target_arch = "wasm32")]
    if let Err(error) = dsf_explorer::app::page::serve() {
        wasm_bindgen::throw_val(error);
    }
}
