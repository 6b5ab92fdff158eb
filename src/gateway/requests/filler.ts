/** Text of this length that says nothing, and of which no two places are alike. It stands for a text that must not be shown. */
export function fillerOf(length: number): string {
  let text = ''
  for (let word = 1; text.length < length; word++) text += `word${word} `
  return text.slice(0, length)
}
