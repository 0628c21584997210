fn main() {
    println!("see faus-runner");
}
