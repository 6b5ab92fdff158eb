/** The keys of upstreams and of clients in a night. */
const secrets = /\b(?:anna|bert|cleo)-key-\d|key-of-(?:a-client|the-operator)/

/** @returns what a text tells that nobody may know */
export function judgeSecrets(text: string): readonly string[] {
  const found = secrets.exec(text)
  return found ? [`tells a secret: ${text.slice(Math.max(0, found.index - 100), found.index + 40)}`] : []
}
