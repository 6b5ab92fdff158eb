/**
 * Signatures of macOS executables: without a right one the system ends a program at its start. Bun signs what it compiles
 * for ARM, and leaves the signature of its own, which no longer fits, in what it compiles for Intel (oven-sh/bun#39837).
 * @see https://developer.apple.com/documentation/technotes/tn3126-inside-code-signing-hashes
 */
import { createHash } from 'node:crypto'

const headerBytes = 32
const listMagic = 0xfade0cc0
const directoryMagic = 0xfade0c02
const directoryBytes = 88
const hashBytes = 32
const pageBits = 12
const pageBytes = 2 ** pageBits
const identifier = Buffer.from('tributary\0')

/** A part of the file that is loaded, and the place of the command that says so. */
interface Segment {
  readonly command: number
  readonly fileOffset: number
  readonly fileBytes: number
}

interface Layout {
  /** The place of the command that says where the signature is. */
  readonly signatureCommand: number
  /** The signature begins where the signed bytes end. */
  readonly signatureOffset: number
  readonly text: Segment
  /** The last segment, which ends with the signature. */
  readonly linkEdit: Segment
}

/** Whether the hash of each page is what was signed. It does not say who has signed. */
export async function isSignedAsItIs(path: string): Promise<boolean> {
  const file = Buffer.from(await Bun.file(path).arrayBuffer())
  const { signatureOffset } = layoutOf(file)
  const directory = directoryOf(file.subarray(signatureOffset))
  if (directory === undefined || directory.readUInt32BE(32) !== signatureOffset) return false
  const hashes = directory.subarray(directory.readUInt32BE(16))
  const pages = pagesOf(file.subarray(0, signatureOffset), 2 ** directory.readUInt8(39))
  return (
    directory.readUInt32BE(28) === pages.length &&
    pages.every((page, index) => hashOf(page).equals(hashes.subarray(index * hashBytes, (index + 1) * hashBytes)))
  )
}

/** Signs an executable as nobody in particular (ad hoc), in place of the signature that it has. */
export async function signAdHoc(path: string): Promise<void> {
  const file = Buffer.from(await Bun.file(path).arrayBuffer())
  const { signatureCommand, signatureOffset, text, linkEdit } = layoutOf(file)
  const code = file.subarray(0, signatureOffset)
  const bytes = signatureBytes(Math.ceil(code.length / pageBytes))
  const linkEditBytes = signatureOffset + bytes - linkEdit.fileOffset
  code.writeUInt32LE(bytes, signatureCommand + 12)
  code.writeBigUInt64LE(BigInt(Math.ceil(linkEditBytes / pageBytes) * pageBytes), linkEdit.command + 32)
  code.writeBigUInt64LE(BigInt(linkEditBytes), linkEdit.command + 48)
  await Bun.write(path, Buffer.concat([code, signatureOf(code, text)]))
}

function signatureBytes(pages: number): number {
  return 20 + directoryBytes + identifier.length + pages * hashBytes
}

/** A list of one blob: the code directory. Its fields are those of version 0x20400. */
function signatureOf(code: Buffer, text: Segment): Buffer {
  const hashes = pagesOf(code, pageBytes).map(hashOf)
  const list = Buffer.alloc(20)
  const total = signatureBytes(hashes.length)
  for (const [index, value] of [listMagic, total, 1, 0, list.length].entries()) list.writeUInt32BE(value, index * 4)
  const directory = Buffer.alloc(directoryBytes)
  const hashOffset = directoryBytes + identifier.length
  const adHoc = 2
  const fields = [directoryMagic, total - list.length, 0x20400, adHoc, hashOffset, directoryBytes, 0, hashes.length]
  for (const [index, value] of [...fields, code.length].entries()) directory.writeUInt32BE(value, index * 4)
  const sha256 = 2
  directory.set([hashBytes, sha256, 0, pageBits], 36)
  directory.writeBigUInt64BE(BigInt(text.fileBytes), 72)
  const isMainProgram = 1n
  directory.writeBigUInt64BE(isMainProgram, 80)
  return Buffer.concat([list, directory, identifier, ...hashes])
}

function pagesOf(code: Buffer, bytes: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(code.length / bytes) }, (_, page) =>
    code.subarray(page * bytes, (page + 1) * bytes),
  )
}

function hashOf(page: Buffer): Buffer {
  return createHash('sha256').update(page).digest()
}

function directoryOf(signature: Buffer): Buffer | undefined {
  if (signature.readUInt32BE(0) !== listMagic) return undefined
  for (let index = 0; index < signature.readUInt32BE(8); index++) {
    const blob = signature.subarray(signature.readUInt32BE(12 + index * 8 + 4))
    if (blob.readUInt32BE(0) === directoryMagic) return blob
  }
  return undefined
}

/** The commands follow the header; each begins with its kind and its length. */
function layoutOf(file: Buffer): Layout {
  const segments = new Map<string, Segment>()
  let signatureCommand = 0
  for (let at = headerBytes, left = file.readUInt32LE(16); left > 0; left--) {
    const kind = file.readUInt32LE(at)
    if (kind === 0x1d) signatureCommand = at
    if (kind === 0x19) {
      const name = file.toString('latin1', at + 8, at + 24).replace(/\0+$/, '')
      const [fileOffset, fileBytes] = [40, 48].map((field) => Number(file.readBigUInt64LE(at + field)))
      segments.set(name, { command: at, fileOffset: fileOffset ?? 0, fileBytes: fileBytes ?? 0 })
    }
    at += file.readUInt32LE(at + 4)
  }
  const [text, linkEdit] = ['__TEXT', '__LINKEDIT'].map((name) => segments.get(name))
  if (signatureCommand === 0 || text === undefined || linkEdit === undefined)
    throw new Error('A macOS executable has no room for a signature.')
  return { signatureCommand, signatureOffset: file.readUInt32LE(signatureCommand + 8), text, linkEdit }
}
