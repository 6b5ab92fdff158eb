import { type Fields, hasNotices, withoutImages } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { AddedFields } from '../../wire/post-without-refused-fields.ts'

/** A name for the images of tool results among the added fields. No body has such a field. */
const images = 'images of results'

/**
 * Adds the images of tool results to the fields that may be left out. A model without vision refuses them, and then
 * gets a text in place of each image. Few services list which of their models accept images.
 */
export function withImagesOfResults(
  added: AddedFields,
  request: ChatRequest,
  { encode }: { encode(request: ChatRequest): Fields },
): AddedFields {
  if (!request.messages.some(hasNotices)) return added
  let areShown = true
  let isAboutOne = false
  return {
    ...added,
    fields: (body) => [...(areShown ? [images] : []), ...added.fields(body)],
    without: (body, field) => {
      if (field !== images) return added.without(body, field)
      areShown = false
      const { messages } = encode({ ...request, messages: request.messages.map(withoutImages) })
      return { ...body, messages }
    },
    // if one image was too large, the next one may still be accepted
    keyOf: (field) =>
      field === images ? `${images} ${request.model}${isAboutOne ? ', once' : ''}` : added.keyOf(field),
    isMeant: (field, refusal) => {
      if (field !== images) return undefined
      isAboutOne = /large|size|exceed|limit|many|decode|process|corrupt|invalid image/i.test(refusal)
      return speaksOfImages(refusal)
    },
  }
}

/** OpenAI names `image_url`; other services name image input, vision or multimodal models. */
function speaksOfImages(refusal: string): boolean {
  return /image|vision|multi-?modal/i.test(refusal)
}
