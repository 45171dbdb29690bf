// Sentences that look like habits and are not. Not compiled; there is no finding in this file.

/// The revision of results that this release produces. There is no other; it is no longer than a line.
let revision = 1
/// As many rows as there are lanes. `so many` in backticks is code, and `who is no peer` too.
let rows = 2
/// Gray levels, whose colour and neighbours are spelled so. Is there no room? Who asks?
let levels = "standing for another word, or standing alone: so many rows that memory is short"
// The fields of a frame:
//
//     so many bytes | whoever | can not
//
/// A worker that lies about its leases is refused; ten frames a second, once a second.
let color = "cannot go on to the next page"
/// The same pipeline in its normal form.
let pipeline = "http://example.org/folders"  // lint-prose: allow folder: an address is not prose
/// A function.
///
/// - Parameters:
///   - folder: an existing directory.
let folder = 1
