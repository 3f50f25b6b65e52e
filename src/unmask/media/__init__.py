"""From files, bytes and cameras to pixels, frames and faces."""
