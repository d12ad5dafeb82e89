//! Brotli and gzip forms of a file, as the gateway serves them.
//!
//! Both are made once, at build time, at their highest level: no request ever waits for a compressor.

use std::io::{self, Write as _};

use anyhow::Result;
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, GzBuilder};

/// How hard to try: the release bundle is made for the wire, a development one for the next reload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    Most,
    Little,
}

pub(crate) fn brotli(bytes: &[u8], effort: Effort) -> Result<Vec<u8>> {
    let params = BrotliEncoderParams {
        quality: if effort == Effort::Most { 11 } else { 4 },
        // The largest window that every browser accepts: the program is longer than the default one.
        lgwin: 24,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut io::Cursor::new(bytes), &mut packed, &params)?;
    Ok(packed)
}

pub(crate) fn gzip(bytes: &[u8], effort: Effort) -> Result<Vec<u8>> {
    let level = if effort == Effort::Most {
        Compression::best()
    } else {
        Compression::fast()
    };
    // Without a name and a time in the header, same bytes in, same bytes out.
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), level);
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::{Effort, brotli, gzip};

    #[test]
    fn both_come_back_as_they_were_and_are_the_same_each_time() {
        let text = "positions orders activity ".repeat(2000).into_bytes();
        for effort in [Effort::Most, Effort::Little] {
            let packed = brotli(&text, effort).expect("brotli");
            let mut back = Vec::new();
            ::brotli::Decompressor::new(packed.as_slice(), 4096)
                .read_to_end(&mut back)
                .expect("brotli back");
            assert_eq!(back, text);
            assert!(packed.len() * 10 < text.len());
            assert_eq!(packed, brotli(&text, effort).expect("again"));

            let packed = gzip(&text, effort).expect("gzip");
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(packed.as_slice())
                .read_to_end(&mut back)
                .expect("gzip back");
            assert_eq!(back, text);
            assert_eq!(packed, gzip(&text, effort).expect("again"));
        }
    }
}
