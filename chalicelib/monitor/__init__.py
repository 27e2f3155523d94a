"""The monitor at `/monitor`: a small web app for people, its sessions, and the numbers that only it needs."""
