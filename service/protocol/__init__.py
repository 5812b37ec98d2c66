"""HTTP/1.1 over a connection, within deadlines and bounds."""
