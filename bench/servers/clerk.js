// https://clerk.com/docs/reference/express/clerk-middleware
// It verifies RSA signatures alone, and gets its keys from Clerk's API, which ours stands in for.
import { clerkMiddleware, getAuth } from '@clerk/express';

export function mount(app, { apiUrl }) {
  const publishableKey = `pk_test_${Buffer.from('clerk.example.com$').toString('base64')}`;
  app.use(clerkMiddleware({ publishableKey, secretKey: 'sk_test_bench', apiUrl }));
  app.use((req, res, next) => {
    if (getAuth(req).isAuthenticated) next();
    else res.status(401).json({ error: 'unauthenticated' });
  });
  return { userIdOf: (req) => getAuth(req).userId };
}
