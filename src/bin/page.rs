//! The page's program; see `web/`.

#[cfg(target_arch = "wasm32")]
mod page {
    use dsf_explorer::app::page;
    use wasm_bindgen::prelude::*;

    /// Shows the window on `canvas`. `example` are the bytes of the built-in checkpoint, or in a sentence why they are not
    /// there; `broken` is told when the program breaks off.
    #[wasm_bindgen]
    pub async fn start(
        canvas: web_sys::HtmlCanvasElement,
        example: JsValue,
        broken: js_sys::Function,
    ) -> Result<(), JsValue> {
        let example = match example.dyn_into::<js_sys::Uint8Array>() {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(why) => Err(why.as_string().unwrap_or_default()),
        };
        page::start(canvas, example, broken).await
    }

    /// What is there, as JSON.
    #[wasm_bindgen]
    pub fn state() -> String {
        page::state()
    }

    /// Does what is asked for in JSON; the answer's `error` is null, or says why not.
    #[wasm_bindgen]
    pub fn order(order: &str) -> String {
        page::order(order)
    }

    /// Where on screen labels are that hold this text, as JSON.
    #[wasm_bindgen]
    pub fn find(part: &str) -> String {
        page::find(part)
    }

    /// Opens `File`s.
    #[wasm_bindgen]
    pub fn open(files: &js_sys::Array) {
        page::open(files);
    }
}

fn main() {}
