//! As much of HTTP/1.1 as a test needs: one request, one answer, each with a `content-length`.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

/// The first line and the body; `None` at the end of the connection.
pub fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut first = String::new();
    if stream.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap()
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some((first, body)))
}

/// JSON, with a first line.
pub fn write(stream: &mut TcpStream, first: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    stream.write_all(
        format!(
            "{first}\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .as_bytes(),
    )
}

/// Posts JSON, and reads JSON.
pub fn post(port: u16, path: &str, body: &Value) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // Longer than any evaluation may take: a host call that waits for ever is not interrupted.
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write(&mut stream, &format!("POST {path} HTTP/1.1"), &body.to_string()).unwrap();
    let (status, answer) = read(&mut BufReader::new(stream)).unwrap().unwrap();
    let text = String::from_utf8(answer).unwrap();
    assert!(status.contains(" 200 "), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}
