import type { ToolOutput } from '../../chat/tool-output.ts'

/** A result's text and images. */
export type ShownOutput = Pick<ToolOutput, 'content' | 'images'>

/** Limit for the images that the tools of one answer may show to the model. */
const maxImages = 16
/**
 * Limit for the base64 characters of all of them. Services accept bodies of about 20 MB, and every round sends all
 * results again.
 */
const maxCharacters = 4 * 1024 * 1024

/** The images that the results of one answer may still show. */
export class ImageBudget {
  #images = maxImages
  #characters = maxCharacters

  /** Keeps the images that are within the budget, and spends it. The text says how many are missing. */
  spend({ content, images: found = [] }: ShownOutput): ShownOutput {
    const images = found.filter(({ url }) => this.#fits(url.length))
    const missing = found.length - images.length
    const note = `[${missing} of the images are not shown, because the limit for images is reached]`
    return {
      content: missing === 0 ? content : `${content}\n${note}`,
      ...(images.length > 0 && { images }),
    }
  }

  #fits(characters: number): boolean {
    if (this.#images === 0 || characters > this.#characters) return false
    this.#images -= 1
    this.#characters -= characters
    return true
  }
}
