"""What `make docs` adds to the written pages: generated tables, pictures, pages of the folders."""
