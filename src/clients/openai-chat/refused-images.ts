import { type Fields, hasNotices, withoutImages } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { AddedFields } from '../../wire/post-without-refused-fields.ts'

/** What the images of tool results are called among the fields that the gateway added; no body has such a field. */
const images = 'images of results'

/**
 * The added fields, and with them the images of tool results: a model that takes none refuses them, and is then told of
 * them in words. Few services list which of their models see.
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
    // an image that is too large says nothing of the next one
    keyOf: (field) =>
      field === images ? `${images} ${request.model}${isAboutOne ? ', once' : ''}` : added.keyOf(field),
    isMeant: (field, refusal) => {
      if (field !== images) return undefined
      isAboutOne = /large|size|exceed|limit|many|decode|process|corrupt|invalid image/i.test(refusal)
      return speaksOfImages(refusal)
    },
  }
}

/** OpenAI names `image_url`; others speak of image input, vision or multimodal models. */
function speaksOfImages(refusal: string): boolean {
  return /image|vision|multi-?modal/i.test(refusal)
}
