/**
 * Compiles patterns of models, in which `*` stands for any characters. A pattern without a slash also fits the models of
 * every upstream: `gpt-5-mini` fits `openai/gpt-5-mini`.
 */
export function compilePatterns(patterns: readonly string[]): (model: string) => boolean {
  const tests = patterns.map(compilePattern)
  return (model) => tests.some((fits) => fits(model))
}

function compilePattern(pattern: string): (model: string) => boolean {
  const fits = compileText(pattern)
  if (pattern.includes('/')) return fits
  return (model) => fits(model) || fits(model.slice(model.indexOf('/') + 1))
}

/** A pattern with several `*` is matched piece by piece, because a regular expression could take exponentially long. */
function compileText(pattern: string): (text: string) => boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return (text) => text === first
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
    const end = text.length - last.length
    let at = first.length
    for (const piece of rest) {
      const found = text.indexOf(piece, at)
      if (found === -1 || found + piece.length > end) return false
      at = found + piece.length
    }
    return true
  }
}
