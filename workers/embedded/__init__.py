"""What a laptop needs beside the worker: servers, a sample site, a terminal to watch."""
