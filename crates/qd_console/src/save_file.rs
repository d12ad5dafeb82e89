//! Keeps a file for the user: among the downloads, native and in the browser.
//!
//! It never writes over a file that is there, and it reads none.

#[cfg(target_arch = "wasm32")]
pub(crate) use self::browser::save;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::native::save;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::env;
    use std::fs::OpenOptions;
    use std::io::Write as _;
    use std::path::{Path, PathBuf};

    /// Writes the file and says where it is.
    ///
    /// # Errors
    /// In words, for the user.
    pub(crate) fn save(name: &str, _media_type: &str, contents: &str) -> Result<String, String> {
        save_in(&downloads(), name, contents)
    }

    fn save_in(folder: &Path, name: &str, contents: &str) -> Result<String, String> {
        let path = folder.join(name);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| file.write_all(contents.as_bytes()));
        match written {
            Ok(()) => Ok(format!("Saved as {}", path.display())),
            Err(err) => Err(format!("{} was not saved: {err}", path.display())),
        }
    }

    /// What the desktop names, else the usual folder, else the home, else where the program was started.
    fn downloads() -> PathBuf {
        let named = env::var_os("XDG_DOWNLOAD_DIR").map(PathBuf::from);
        let home = env::var_os("HOME")
            .or_else(|| env::var_os("USERPROFILE"))
            .map(PathBuf::from);
        named
            .into_iter()
            .chain(home.iter().map(|home| home.join("Downloads")))
            .chain(home.clone())
            .find(|folder| folder.is_dir())
            .unwrap_or_else(|| PathBuf::from("."))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_file_is_written_once_and_never_written_over() {
            let folder = env::temp_dir().join(format!("qd-save-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let said = save_in(&folder, "rows.csv", "a,b\n").unwrap();
            assert!(said.ends_with("rows.csv"), "{said}");
            assert!(save_in(&folder, "rows.csv", "other").is_err());
            let kept = std::fs::read_to_string(folder.join("rows.csv")).unwrap();
            assert_eq!(kept, "a,b\n");
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::{JsCast as _, JsValue};
    use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

    /// Hands the file to the browser, which asks or keeps it as its user has set.
    ///
    /// # Errors
    /// In words, for the user.
    pub(crate) fn save(name: &str, media_type: &str, contents: &str) -> Result<String, String> {
        hand_over(name, media_type, contents)
            .map(|()| format!("{name} is with the browser's downloads"))
            .map_err(|err| format!("{name} was not saved: {err:?}"))
    }

    fn hand_over(name: &str, media_type: &str, contents: &str) -> Result<(), JsValue> {
        let document = web_sys::window()
            .and_then(|window| window.document())
            .ok_or_else(|| JsValue::from_str("no document"))?;
        let kind = BlobPropertyBag::new();
        kind.set_type(media_type);
        let parts = js_sys::Array::of1(&JsValue::from_str(contents));
        let blob = Blob::new_with_str_sequence_and_options(&parts, &kind)?;
        let url = Url::create_object_url_with_blob(&blob)?;
        let anchor: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
        anchor.set_href(&url);
        anchor.set_download(name);
        anchor.click();
        // The browser has taken the bytes over with the click.
        Url::revoke_object_url(&url)
    }
}
