"""Reports: self-contained pages for people."""
