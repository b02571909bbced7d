//! The types of files that may be evidence, and how each is named.

use super::file_name::{BadName, FileName};

/// A type of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// A PDF document.
    Pdf,
    /// A JPEG picture.
    Jpeg,
    /// A PNG picture.
    Png,
    /// A HEIC picture, as phones take them.
    Heic,
    /// A Word document without macros.
    Docx,
    /// An Excel workbook without macros.
    Xlsx,
    /// A table as text.
    Csv,
    /// Text.
    Text,
    /// An e-mail in the Internet's format.
    Eml,
    /// An e-mail as Outlook saves it.
    Msg,
}

impl Media {
    /// Every type, in the order in which messages list them.
    pub const ALL: [Self; 10] = [
        Self::Pdf,
        Self::Jpeg,
        Self::Png,
        Self::Heic,
        Self::Docx,
        Self::Xlsx,
        Self::Csv,
        Self::Text,
        Self::Eml,
        Self::Msg,
    ];

    /// The type of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|media| media.as_str().eq_ignore_ascii_case(name))
    }

    /// The name of the type (RFC 6838).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Heic => "image/heic",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv => "text/csv",
            Self::Text => "text/plain",
            Self::Eml => "message/rfc822",
            Self::Msg => "application/vnd.ms-outlook",
        }
    }

    /// The usual ending of a file of this type.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Heic => "heic",
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Text => "txt",
            Self::Eml => "eml",
            Self::Msg => "msg",
        }
    }

    /// Refuses a name with the ending of another type.
    pub(super) fn fits(self, name: &FileName) -> Result<(), BadName> {
        let ending = name.ending();
        let is_other_spelling = match self {
            Self::Jpeg => ending == "jpeg",
            Self::Heic => ending == "heif",
            _ => false,
        };
        if is_other_spelling || ending == self.ending() { Ok(()) } else { Err(BadName::Ending(self.ending())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_found_by_its_name_and_fits_its_own_ending_alone() {
        for media in Media::ALL {
            assert_eq!(Media::named(&media.as_str().to_uppercase()), Some(media));
            for other in Media::ALL {
                let name = FileName::read(&format!("scan.{}", other.ending())).expect("a name");
                assert_eq!(media.fits(&name).is_ok(), media == other, "{media:?} {other:?}");
            }
        }
        let photograph = FileName::read("IMG_0001.JPEG").expect("a name");
        assert_eq!(Media::Jpeg.fits(&photograph), Ok(()));
        for wrong in ["application/zip", "image/svg+xml", "text/html", ""] {
            assert_eq!(Media::named(wrong), None);
        }
    }
}
