/** Writes a whole reply. */
export function reply(status: number, body: string, fields: Readonly<Record<string, string>>): Buffer {
  const bytes = Buffer.from(body)
  const all = status === 204 ? fields : { ...fields, 'content-length': String(bytes.length) }
  return Buffer.concat([replyHead(status, all), bytes])
}

export function replyHead(status: number, fields: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n`)
}
