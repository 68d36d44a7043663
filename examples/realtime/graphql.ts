/**
 * The same account over GraphQL. A resolver that refuses answers with the problem object in the
 * error's `extensions`.
 */
import type { Request, RequestHandler } from 'express';
import { buildSchema, GraphQLError } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/express';
import { getSession, type Session } from 'express-wallet-session';
import type { Payment, Payments } from './payments.js';
import { problemOf } from './problem-of.js';

const schema = buildSchema(`
  type Payment { id: Int!, counterparty: String!, amount: String!, balance: String!, at: String! }
  type Query { balance: String! }
  type Mutation { send(to: String!, amount: String!): Payment! }
`);

interface Context {
  readonly [key: PropertyKey]: unknown;
  readonly session: Session;
  readonly request: Request;
}

export function graphql(payments: Payments): RequestHandler {
  const rootValue = {
    balance: (_args: unknown, { session }: Context) => payments.balance(session.userId),
    send: async (
      order: { readonly to: string; readonly amount: string },
      { session, request }: Context,
    ): Promise<Payment> => {
      try {
        return await payments.send(session, order);
      } catch (error) {
        const problem = problemOf(error, request);
        throw new GraphQLError(String(problem.detail), { extensions: problem });
      }
    },
  };
  const handler = createHandler<Context>({
    schema,
    rootValue,
    context: ({ raw }) => ({ session: getSession(raw), request: raw }),
  });
  return (req, res, next) => {
    handler(req, res, next);
  };
}
