//! Attachments: JSON objects with a `type`.
//!
//! Any `type` of at most 64 characters may be given. These are known, and their fields, where they are there, have the form that stands here;
//! further fields are the customer's own.
//!
//! | `type` | fields |
//! |---|---|
//! | `image`, `video`, `audio`, `file` | `url`, `thumb_url`, `name`, `mime_type`, `file_size` (bytes), `width`, `height` (pixels), `duration` (seconds), `file_id` |
//! | `voice` | those of `audio`, and `waveform`: at most 256 numbers from 0 to 1 |
//! | `location` | `lat` −90 to 90, `lon` −180 to 180 (both needed), `name`; live: `expires_at`, `updated_at` |
//! | `link` | `url` (needed), `title`, `description`, `image` |
//!
//! URLs are `http` or `https` and have at most 2,048 characters; names, titles and types of files 255, descriptions 1,000.
//!
//! A location with `expires_at` (RFC 3339, at most 24 hours ahead) is live: its sender moves it until then with
//! `PATCH /messages/{id}/location`. A message has one at the most. `updated_at` is the server's.

use serde::{Deserialize, Serialize};

/// Where one is now.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_location))]
#[serde(deny_unknown_fields)]
pub struct UpdateLocation {
    /// Degrees north, −90 to 90.
    pub lat: f64,
    /// Degrees east, −180 to 180.
    pub lon: f64,
}
