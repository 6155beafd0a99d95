/**
 * @module The endpoints of a question: words → a typed question → stacks and addresses of a snapshot.
 */
export { type Found, findStack, hostOf } from './find.ts';
export { type NameAnswer, resolveName } from './names.ts';
export {
  type EndpointSpec,
  type Protocol,
  parseEndpoint,
  parseQuestion,
  type Question,
  type QuestionOptions,
} from './question.ts';
export {
  type Destination,
  type NoDestination,
  type ResolvedQuestion,
  resolveQuestion,
  type Source,
} from './resolve.ts';
