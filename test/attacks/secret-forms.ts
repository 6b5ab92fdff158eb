/** Every encoding of a secret in a text, and its beginning. */
export function formsOf(secret: string): string[] {
  const base64 = ['', 'x', 'xy'].map((before) => btoa(before + secret).slice(Math.ceil((before.length * 8) / 6), -4))
  const json = JSON.stringify(secret).slice(1, -1)
  return [
    secret,
    secret.slice(0, 12),
    encodeURIComponent(secret),
    encodeURIComponent(secret).toLowerCase(),
    ...base64,
    json,
  ]
}
