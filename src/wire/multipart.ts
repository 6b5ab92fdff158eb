/** Where a field of a form stands in the bytes of a body. */
export interface FormField {
  readonly name: string
  /** Where its part begins, with the delimiter. */
  readonly start: number
  /** Where its value begins. */
  readonly from: number
  /** Where its value and its part end. */
  readonly to: number
}

/** The boundary of a multipart body; undefined for another type of body. RFC 2046, section 5.1.1 */
export function boundaryOf(contentType: string): string | undefined {
  const [, quoted, plain] =
    /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(contentType) ?? []
  return quoted ?? plain
}

const headEnd = '\r\n\r\n'
/** Limit for the bytes of the headers of a part. */
const maxHead = 16 * 1024
/** Limit for the parts of a body. A form for audio has about ten. */
const maxParts = 256

/** Finds the fields of a form that are not files, without a copy of the body. */
export function findFields(body: Uint8Array, boundary: string): readonly FormField[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const delimiter = `\r\n--${boundary}`
  const fields: FormField[] = []
  // the first delimiter has no line before it
  let start = bytes.indexOf(delimiter.slice(2))
  let at = start + delimiter.length - 2
  for (let parts = 0; parts < maxParts && start !== -1; parts++) {
    const from = bytes.indexOf(headEnd, at) + headEnd.length
    const to = from < headEnd.length ? -1 : bytes.indexOf(delimiter, from - 2)
    if (to === -1 || from - at > maxHead) break
    const name = nameOf(bytes.toString('utf8', at, from))
    if (name !== undefined) fields.push({ name, start, from, to: Math.max(from, to) })
    start = to
    at = to + delimiter.length
  }
  return fields
}

/** The name of a field; undefined for a file. */
function nameOf(head: string): string | undefined {
  const [, disposition = ''] = /^content-disposition:(.*)$/im.exec(head) ?? []
  if (/;\s*filename\*?=/i.test(disposition)) return undefined
  const [, quoted, plain] = /;\s*name=(?:"([^"]*)"|([^\s;]+))/i.exec(disposition) ?? []
  return quoted ?? plain
}
