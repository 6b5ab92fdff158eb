interface Fault {
  readonly problem: string
  readonly remedy: string
}

/** Why a value can stand in no header, and so is no key; undefined where it can. */
export function whyNoSecret(value: string): Fault | undefined {
  if (/^[\x21-\x7e]+$/.test(value)) return undefined
  if (/^(bearer|basic|token)\s+\S+$/i.test(value))
    return {
      problem: 'begins with the word that a header has before its key',
      remedy: 'leave that out: the key alone is asked for',
    }
  if (/[^\s,;|]\s*[\n,;|]\s*[^\s,;|]/.test(value))
    return { problem: 'holds several values, or a line break', remedy: 'set one key a variable: …_1, …_2 and so on' }
  return {
    problem: 'holds white space or characters that no key has',
    remedy: 'copy the key again, without quotes and line breaks',
  }
}

/**
 * What looks wrong with a key that could be one, without a word of it.
 * @param name the variable's, without a number
 */
export function secretDoubt(value: string, name: string): string | undefined {
  if (/[,;|]/.test(value))
    return `holds a comma or the like, and is taken for one key. Several keys are ${name}_1, ${name}_2 and so on.`
  if (/^(['"`]).*\1$/.test(value)) return 'has quotes around it, which are taken for a part of the key.'
  if (/^(['"`])|['"`]$/.test(value)) return 'has a quote at one end, which is taken for a part of the key.'
  if (/^bearer[:=_-]/i.test(value)) return 'begins with "Bearer". The key alone is asked for.'
  if (/^[A-Z][A-Z0-9_]+=/.test(value)) return 'begins with the name of a variable. The key alone is asked for.'
  if (/^(<.*>|\$\{?\w+\}?|your[-_].*|(my|the)[-_]api[-_]key.*|changeme|x{3,}|\.{3}|sk-\.{3})$/i.test(value))
    return 'holds what stands in for a key in an example. Set the key itself.'
  return undefined
}
