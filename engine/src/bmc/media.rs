//! Virtual media: what is in the CD drive, and what is on its way there.

use std::fmt;

use super::Secret;

/// An image for the CD drive, by where it is to be had.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Its URL, without user and password.
    pub url: String,
    /// Who its server knows.
    pub user: Option<String>,
    /// By which password.
    pub password: Option<Secret>,
}

impl Image {
    /// An image that is there for everybody.
    pub fn open(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user: None,
            password: None,
        }
    }

    /// Its file name.
    pub fn name(&self) -> &str {
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
    }

    /// The protocol by which it is to be had, as the URL spells it.
    pub fn scheme(&self) -> &str {
        self.url.split_once("://").map_or("", |(scheme, _)| scheme)
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("url", &self.url)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The CD drive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Drive {
    /// There is nothing in it.
    #[default]
    Empty,
    /// That is being fetched.
    Loading(Image),
    /// That is in it.
    Loaded(Image),
}

impl Drive {
    /// What is in it or on its way there.
    pub fn image(&self) -> Option<&Image> {
        match self {
            Self::Empty => None,
            Self::Loading(image) | Self::Loaded(image) => Some(image),
        }
    }

    /// Whether the machine can read it.
    pub fn is_loaded(&self) -> bool {
        matches!(self, Self::Loaded(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_called_by_its_file() {
        for (url, scheme, name) in [
            ("http://10.0.0.1/images/installer.iso?x=1/2", "http", "installer.iso"),
            ("file:///srv/media/a%20b.iso", "file", "a%20b.iso"),
            ("https://10.0.0.1/images/", "https", "images"),
            ("installer.iso", "", "installer.iso"),
        ] {
            let image = Image::open(url);
            assert_eq!((image.scheme(), image.name()), (scheme, name));
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let image = Image {
            user: Some("ada".into()),
            password: Some("lovelace".into()),
            ..Image::open("http://10.0.0.1/a.iso")
        };
        assert!(!format!("{image:?}").contains("lovelace"));
    }
}
