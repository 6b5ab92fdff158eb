interface SecretFault {
  readonly problem: string
  readonly remedy: string
}

/** Why a value cannot be a key in a header; undefined if it can. */
export function findSecretFault(value: string): SecretFault | undefined {
  if (/^[\x21-\x7e]+$/.test(value)) return undefined
  if (/^(bearer|basic|token)\s+\S+$/i.test(value))
    return {
      problem: 'begins with the word before a key, such as Bearer',
      remedy: 'leave it out: only the key is needed',
    }
  if (/[^\s,;|]\s*[\n,;|]\s*[^\s,;|]/.test(value))
    return { problem: 'has several values, or a line break', remedy: 'set one key per variable: …_1, …_2 and so on' }
  return {
    problem: 'has white space or characters that no key has',
    remedy: 'copy the key again, without quotes and line breaks',
  }
}

/**
 * What looks wrong with a key that may still be valid. It contains no text of the key.
 * @param name the variable's name, without a number
 */
export function findSecretDoubt(value: string, name: string): string | undefined {
  if (/[,;|]/.test(value))
    return `has a comma or a similar character, and is used as one key. Several keys are ${name}_1, ${name}_2 and so on.`
  if (/^(['"`]).*\1$/.test(value)) return 'has quotes around it, which are used as a part of the key.'
  if (/^(['"`])|['"`]$/.test(value)) return 'has a quote at one end, which is used as a part of the key.'
  if (/^bearer[:=_-]/i.test(value)) return 'begins with "Bearer". Set only the key.'
  if (/^[A-Z][A-Z0-9_]+=/.test(value)) return 'begins with the name of a variable. Set only the key.'
  if (/^(<.*>|\$\{?\w+\}?|your[-_].*|(my|the)[-_]api[-_]key.*|changeme|x{3,}|\.{3}|sk-\.{3})$/i.test(value))
    return 'has a placeholder instead of a key. Set the key itself.'
  return undefined
}
