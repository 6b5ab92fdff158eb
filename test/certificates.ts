import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** A certificate and its private key, in PEM. */
export interface Certified {
  readonly certificate: string
  readonly key: string
}

interface Authority extends Certified {
  /** Makes a certificate of a server with these alternative names. */
  certify(name: string, alternative: AlternativeName): Certified
}

type AlternativeName = { readonly dns: string } | { readonly ip: readonly [number, number, number, number] }

/** Makes a certificate authority for a test, valid for some days around now. Certificates: RFC 5280; DER: X.690. */
export function openAuthority(commonName: string): Authority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = nameOf(commonName)
  const issue = (of: Buffer, key: KeyObject, extension: Buffer): string => {
    const content = tagged(
      sequence,
      tagged(0xa0, integer(2)),
      integer(serial++),
      ecdsaWithSha256,
      subject,
      tagged(sequence, time(-1), time(30)),
      of,
      key.export({ type: 'spki', format: 'der' }),
      tagged(0xa3, tagged(sequence, extension)),
    )
    const signature = sign('sha256', content, keys.privateKey)
    return pem(tagged(sequence, content, ecdsaWithSha256, tagged(bitString, Buffer.from([0]), signature)))
  }
  const isAuthority = tagged(sequence, tagged(boolean, Buffer.from([0xff])))
  return {
    certificate: issue(subject, keys.publicKey, extensionOf('551d13', isAuthority)),
    key: exported(keys.privateKey),
    certify(name, alternative) {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const names = tagged(sequence, alternativeName(alternative))
      return {
        certificate: issue(nameOf(name), own.publicKey, extensionOf('551d11', names)),
        key: exported(own.privateKey),
      }
    },
  }
}

let serial = 1

const [boolean, integerTag, bitString, octetString, objectId, utf8, utcTime, sequence, set] = [
  0x01, 0x02, 0x03, 0x04, 0x06, 0x0c, 0x17, 0x30, 0x31,
]

function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const lengthBytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content])
}

function integer(value: number): Buffer {
  return tagged(integerTag, Buffer.from([value]))
}

function oid(hex: string): Buffer {
  return tagged(objectId, Buffer.from(hex, 'hex'))
}

const ecdsaWithSha256 = tagged(sequence, oid('2a8648ce3d040302'))

/** Writes a name that has only a common name. */
function nameOf(commonName: string): Buffer {
  return tagged(sequence, tagged(set, tagged(sequence, oid('550403'), tagged(utf8, Buffer.from(commonName)))))
}

function time(inDays: number): Buffer {
  const at = new Date(Date.now() + inDays * 86_400_000).toISOString()
  return tagged(utcTime, Buffer.from(`${at.slice(2, 19).replace(/[-:T]/g, '')}Z`))
}

function extensionOf(id: string, value: Buffer): Buffer {
  return tagged(sequence, oid(id), tagged(octetString, value))
}

function alternativeName(name: AlternativeName): Buffer {
  return 'dns' in name ? tagged(0x82, Buffer.from(name.dns)) : tagged(0x87, Buffer.from(name.ip))
}

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----\n`
}

function exported(key: KeyObject): string {
  return String(key.export({ type: 'pkcs8', format: 'pem' }))
}
