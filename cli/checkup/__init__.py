"""What `wallify doctor` looks at; each check answers findings, and none of them stops the others."""
