// A name server and a witness for tests of the gateway, as a library for LD_PRELOAD.
//
// TEST_NAMES holds the only names there are: `a.test=192.0.2.1|127.0.0.1;b.test=10.0.0.1+10.0.0.2`. The first question about
// a.test is answered by the first address, the next one by the second, and so on in turn; b.test has both at once. Addresses
// resolve to themselves, and every other name to nothing: no question leaves the machine.
//
// TEST_CONNECTIONS is a file that gets a line `ADDRESS PORT` for each connection that the program begins.
