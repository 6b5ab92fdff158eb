import type { ComponentChildren } from 'preact'
import { texts } from '../i18n/index.ts'
import type { Inline, Target } from './tree.ts'

export function DrawInline({ content }: { readonly content: readonly Inline[] }) {
  return <>{content.map(draw)}</>
}

function draw(inline: Inline, key: number): ComponentChildren {
  switch (inline.kind) {
    case 'text':
      return inline.text
    case 'strong':
      return <strong key={key}>{inline.content.map(draw)}</strong>
    case 'emphasis':
      return <em key={key}>{inline.content.map(draw)}</em>
    case 'deleted':
      return <del key={key}>{inline.content.map(draw)}</del>
    case 'code':
      return (
        <code key={key} dir="ltr">
          {inline.content.map(draw)}
        </code>
      )
    case 'break':
      return <br key={key} />
    case 'link':
      return (
        <Link key={key} target={inline.target}>
          {inline.content.map(draw)}
        </Link>
      )
    case 'picture':
      return <Picture key={key} target={inline.target} description={inline.description} />
    case 'control':
      return (
        <span key={key} class="control">
          {inline.name}
        </span>
      )
  }
}

interface LinkProps {
  readonly target: Target
  readonly children: ComponentChildren
}

/** A link to another site, which is not told where it comes from. It names its host, unless its text does. */
function Link({ target: { href, host }, children }: LinkProps) {
  return (
    <>
      <a href={href} target="_blank" rel="noopener noreferrer nofollow">
        <bdi>{children}</bdi>
        <span class="unseen"> {texts.value.try.newTab}</span>
      </a>
      {host !== undefined && (
        <span class="host">
          {' '}
          (<bdi>{host}</bdi>)
        </span>
      )}
    </>
  )
}

function Picture({ target, description }: { readonly target: Target | undefined; readonly description: string }) {
  const text = texts.value.try.picture(description)
  return target ? (
    <Link target={target}>{text}</Link>
  ) : (
    <span class="picture">
      <bdi>{text}</bdi>
    </span>
  )
}
