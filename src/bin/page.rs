//! The page's program; see `web/`.

#[cfg(target_arch = "wasm32")]
mod page {
    use dsf_explorer::app::page;
    use wasm_bindgen::prelude::*;

    /// Shows the window on `canvas`. `example` is the built-in checkpoint's bytes, or a sentence why they are missing;
    /// `broken` is called when the program crashes.
    #[wasm_bindgen]
    pub async fn start(
        canvas: web_sys::HtmlCanvasElement,
        example: JsValue,
        broken: js_sys::Function,
    ) -> Result<(), JsValue> {
        let example = match example.dyn_into::<js_sys::Uint8Array>() {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(why) => Err(page::ExampleError::Fetch { reason: why.as_string().unwrap_or_default() }),
        };
        page::start(canvas, example, broken).await
    }

    /// The window's state, as JSON.
    #[wasm_bindgen]
    pub fn state() -> String {
        page::state()
    }

    /// Performs a command given as JSON; the answer's `error` is null, or the reason why not.
    #[wasm_bindgen]
    pub fn order(order: &str) -> String {
        page::order(order)
    }

    /// Positions on screen of labels that contain this text, as JSON.
    #[wasm_bindgen]
    pub fn find(part: &str) -> String {
        page::find(part)
    }

    /// Opens chosen files, an array of JavaScript `File`s.
    #[wasm_bindgen]
    pub fn open(files: &js_sys::Array) {
        page::open(files);
    }
}

fn main() {}
