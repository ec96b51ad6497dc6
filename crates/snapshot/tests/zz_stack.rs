use upgrade_gate_snapshot::*;
#[test]
fn stack() {
    let levels: usize = std::env::var("LEVELS").unwrap().parse().unwrap();
    let kb: usize = std::env::var("KB").unwrap().parse().unwrap();
    let map = std::env::var("MAP").is_ok();
    std::thread::Builder::new().stack_size(kb << 10).spawn(move || {
        let mut wanted = Wanted::default();
        wanted.add_kind(Kind::new("v1", "Node"));
        let mut b = Builder::new(wanted);
        let (o, c) = if map {("{a: ", "}")} else {("[", "]")};
        let t = format!("apiVersion: v1\nkind: Node\nmetadata:\n  name: x\nx: {}{}\n", o.repeat(levels - 1), c.repeat(levels - 1));
        b.read("a.yaml", t.as_bytes());
        let s = b.finish();
        println!("kept {} {:?}", s.objects().len(), s.skipped().iter().map(|s| s.flaw.to_string()).collect::<Vec<_>>());
    }).unwrap().join().unwrap();
}
