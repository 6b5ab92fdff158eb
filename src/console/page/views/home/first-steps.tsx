import { texts } from '../../i18n/index.ts'
import { Icon } from '../../kit/icon.tsx'
import { LinkButton } from '../../kit/link-button.tsx'
import { hrefOf } from '../../router.ts'

/** What to do first, while no upstream is set. */
export function FirstSteps() {
  const { first } = texts.value.home
  const steps = [
    { icon: 'upstreams', title: first.add, text: first.addText, href: hrefOf(['upstreams'], { add: 'any' }) },
    { icon: 'try', title: first.try, text: first.tryText, href: hrefOf(['try']) },
    { icon: 'connect', title: first.connect, text: first.connectText, href: hrefOf(['connect']) },
  ] as const
  return (
    <section class="pile first-steps" aria-labelledby="first-steps">
      <h2 id="first-steps">{first.title}</h2>
      <p>{first.text}</p>
      <ol class="cards">
        {steps.map(({ icon, title, text, href }, at) => (
          <li key={icon} class="card">
            <h3>
              <Icon name={icon} /> {title}
            </h3>
            <p>{text}</p>
            <LinkButton kind={at === 0 ? 'main' : 'plain'} href={href}>
              {title}
            </LinkButton>
          </li>
        ))}
      </ol>
    </section>
  )
}
