//! x
#[test]
fn s() {
    eprintln!(
        "S {} C {}",
        size_of::<tenure_proto::Connection<tenure_proto::Server>>(),
        size_of::<tenure_proto::Connection<tenure_proto::Client>>()
    );
}
