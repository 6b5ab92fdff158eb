import { piecesOf } from '../i18n/marks.ts'

/** A text of a dictionary, with its names and codes apart from its words. */
export function Words({ text }: { readonly text: string }) {
  return (
    <>
      {piecesOf(text).map(({ kind, text }, at) => {
        if (kind === 'text') return text
        return kind === 'name' ? (
          <bdi key={at} class="name">
            {text}
          </bdi>
        ) : (
          <code key={at} class="word">
            <bdi>{text}</bdi>
          </code>
        )
      })}
    </>
  )
}
